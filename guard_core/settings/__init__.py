"""Every setting of ML Guard, one group a file: read once, from the environment and `.env`.

A project's own settings are `project_settings`. `root` holds the groups together, `variables` reads them, and `docs` turns them
into `docs/settings.md`, the table in README.md and `.env.example`.
"""

from guard_core.settings.alert import AlertSettings
from guard_core.settings.audit import AuditSettings
from guard_core.settings.aws import AwsAllocation, AwsSettings
from guard_core.settings.dagster import DagsterSettings
from guard_core.settings.fetch import FetchSettings
from guard_core.settings.ingest import IngestSettings
from guard_core.settings.knowledge import KnowledgeSettings
from guard_core.settings.llm import Fallback, LlmSettings, Price
from guard_core.settings.oidc import ROLES, OidcSettings, Role
from guard_core.settings.pipelines import PipelinesSettings
from guard_core.settings.predict import PredictSettings
from guard_core.settings.rate import RateSettings
from guard_core.settings.retention import RetentionSettings
from guard_core.settings.root import Settings, load_settings
from guard_core.settings.search import SearchSettings
from guard_core.settings.server import ServerSettings, reachable_url
from guard_core.settings.storage import StorageSettings
from guard_core.settings.variables import ENV_PREFIX, SettingsError, Variable, variables_of

__all__ = [
    "ENV_PREFIX",
    "ROLES",
    "AlertSettings",
    "AuditSettings",
    "AwsAllocation",
    "AwsSettings",
    "DagsterSettings",
    "Fallback",
    "FetchSettings",
    "IngestSettings",
    "KnowledgeSettings",
    "LlmSettings",
    "OidcSettings",
    "PipelinesSettings",
    "PredictSettings",
    "Price",
    "RateSettings",
    "RetentionSettings",
    "Role",
    "SearchSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "StorageSettings",
    "Variable",
    "load_settings",
    "reachable_url",
    "variables_of",
]
