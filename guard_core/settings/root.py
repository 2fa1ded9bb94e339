"""All groups of settings together, read once from the environment and `.env`.

What belongs to one project (time zone, drift thresholds) is stored with the project, in `guard_core.project_settings`.
"""

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from guard_core.settings.alert import AlertSettings
from guard_core.settings.audit import AuditSettings
from guard_core.settings.aws import AwsSettings
from guard_core.settings.dagster import DagsterSettings
from guard_core.settings.fetch import FetchSettings
from guard_core.settings.ingest import IngestSettings
from guard_core.settings.knowledge import KnowledgeSettings
from guard_core.settings.llm import LlmSettings
from guard_core.settings.oidc import OidcSettings
from guard_core.settings.pipelines import PipelinesSettings
from guard_core.settings.predict import PredictSettings
from guard_core.settings.rate import RateSettings
from guard_core.settings.retention import RetentionSettings
from guard_core.settings.search import SearchSettings
from guard_core.settings.server import ServerSettings
from guard_core.settings.storage import StorageSettings
from guard_core.settings.variables import SettingsError, VariablesSource, variables_of
from guard_core.validation import reason_of


class Settings(BaseSettings):
    """All settings; the environment variable of `llm.timeout_s` is `ML_GUARD_LLM_TIMEOUT_S`."""

    model_config = SettingsConfigDict(env_file=".env", extra="forbid", frozen=True)

    storage: StorageSettings = StorageSettings()
    server: ServerSettings = ServerSettings()
    oidc: OidcSettings = OidcSettings()
    rate: RateSettings = RateSettings()
    ingest: IngestSettings = IngestSettings()
    predict: PredictSettings = PredictSettings()
    pipelines: PipelinesSettings = PipelinesSettings()
    dagster: DagsterSettings = DagsterSettings()
    alert: AlertSettings = AlertSettings()
    llm: LlmSettings = LlmSettings()
    knowledge: KnowledgeSettings = KnowledgeSettings()
    fetch: FetchSettings = FetchSettings()
    search: SearchSettings = SearchSettings()
    audit: AuditSettings = AuditSettings()
    retention: RetentionSettings = RetentionSettings()
    aws: AwsSettings = AwsSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read variables by our own table instead of by pydantic-settings' rules of nesting."""
        if not isinstance(env_settings, EnvSettingsSource) or not isinstance(dotenv_settings, EnvSettingsSource):
            raise TypeError("pydantic-settings passes sources of another type than EnvSettingsSource")
        return init_settings, VariablesSource(settings_cls, env_settings, dotenv_settings)


def load_settings() -> Settings:
    """Read the settings from the environment and `.env`.

    Raises
    ------
    SettingsError
        If values are invalid, or variables with our prefix are not settings; the message names all of either in one line.
    """
    try:
        return Settings()
    except ValidationError as error:
        names = {(variable.group, variable.field): " or ".join(variable.names) for variable in variables_of(Settings)}
        reasons = []
        for item in error.errors(include_input=False, include_url=False):
            name = next((name for place, name in names.items() if place == item["loc"][:2]), None)
            reasons.append(reason_of(item) if name is None else f"{name}: {reason_of(item)}")
        raise SettingsError("; ".join(reasons)) from None
