"""Settings of an installation, read once from the environment and `.env`; one module for each group.

- `alert`: delivery of alerts
- `audit`: signing of checkpoints
- `aws`: costs at AWS
- `dagster`: address of the Dagster webserver
- `docs`: documentation of the settings, generated
- `fetch`: web pages that `/research` fetches
- `group`: base class and types of groups
- `ingest`: limits of events and labels
- `knowledge`: the knowledge base
- `llm`: language models
- `oidc`: bearer tokens, and the sign-in of people at their issuer
- `pipelines`: schedule and retries of pipelines
- `predict`: predictions
- `rate`: rate limits
- `retention`: retention of rows
- `root`: all groups together, and how to load them
- `search`: the search provider of `/research`
- `server`: the HTTP server
- `storage`: databases, lake and registry
- `variables`: environment variables of the settings

The settings of one project are `guard_core.project_settings`.
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
from guard_core.settings.storage import MLFLOW_HOST, StorageSettings
from guard_core.settings.variables import ENV_PREFIX, SettingsError, Variable, variables_of

__all__ = [
    "ENV_PREFIX",
    "MLFLOW_HOST",
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
