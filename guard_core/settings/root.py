"""Every setting of ML Guard, with its unit and default: read once, from the environment and `.env`.

A setting that belongs to one project (time zone, drift thresholds) is a row of `projects`, not a setting.
"""

import os
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableError

from guard_core.days import known_zone
from guard_core.validation import reason_of

ENV_PREFIX = "ML_GUARD_"
_DATABASES = ("sqlite", "postgresql")
_SAMPLE_KNOWLEDGE = Path(__file__).parents[2] / "ml" / "data" / "knowledge" / "corpus"

Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
NotNegativeFloat = Annotated[float, Field(ge=0)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+")]


def _network(value: str) -> str:
    ip_network(value, strict=False)
    return value


Network = Annotated[str, AfterValidator(_network)]
Port = Annotated[int, Field(ge=1, le=65535)]
Role = Literal["admin", "analyst", "guest"]
ROLES: tuple[Role, ...] = get_args(Role)
HostPattern = Annotated[
    str, StringConstraints(to_lower=True, pattern=r"^(\*|(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+|\[[0-9a-f:.]+\])$")
]


class SettingsError(ValueError):
    """A setting is wrong: the message is one line that names it and the fix."""


class Price(BaseModel):
    """US dollars for a million tokens; cached ones cost as others unless said."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: NotNegativeFloat
    output: NotNegativeFloat = 0.0
    cached: NotNegativeFloat | None = None


class Fallback(BaseModel):
    """An OpenAI-compatible server that is asked where the one before does not answer; its model replaces the caller's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Url
    api_key: SecretStr | None = None
    model: str | None = None


class AwsAllocation(BaseModel):
    """Which AWS costs are a project's; what is not given is as for all projects."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tag: str | None = None
    value: str | None = None
    whole_account: bool = False
    hourly: bool | None = None


class Settings(BaseSettings):
    """All settings; the environment variable of `port` is `ML_GUARD_PORT`."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    # Where things are kept
    home: Path = Field(Path(".guard"), description="Folder of everything that no other setting moves elsewhere.")
    database_url: SecretStr | None = Field(
        None,
        description="Operational database, `sqlite:///…` or `postgresql://user:password@host/name`."
        " Unset: `guard.db` in the home folder.",
    )
    lake_url: str | None = Field(
        None, description="Delta lake, a folder or `s3://bucket/prefix`. Unset: `lake` in the home folder."
    )
    mlflow_url: str | None = Field(
        None,
        description="MLflow's store, `http(s)://host:port` or `sqlite:///…`. Unset: `mlflow.db` in the home folder.",
    )

    # Serving
    host: str = Field("127.0.0.1", description="Address that the server binds to.")
    port: Port = Field(8000, description="Port of the server.")
    workers: Positive = Field(1, description="Server processes. More than one wants PostgreSQL to be faster.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe level logged.")

    # Ingestion
    first_day: date = Field(
        date(2013, 1, 1), description="First local day that can hold events; older ones are rejected."
    )
    future_skew_s: NotNegative = Field(300, description="Seconds that an event may lie in the future.")
    max_body_bytes: Positive = Field(32 * 2**20, description="Bytes of a request body at most, after decompression.")
    max_batch_rows: Positive = Field(10_000, description="Rows of a batch at most.")
    max_features: Positive = Field(512, description="Features of an event at most.")
    max_name_length: Positive = Field(128, description="Characters of an id or a feature name at most.")
    max_value_length: Positive = Field(1024, description="Characters of a feature value at most.")
    queue_rows: Positive = Field(
        50_000, description="Accepted rows that may wait for their commit; beyond it requests are answered 503."
    )
    journal_bytes: Positive = Field(
        2**30, description="Bytes of predictions that may wait for the database; beyond it /predict is answered 503."
    )
    max_instances: Positive = Field(10_000, description="Rows of a prediction request at most.")
    model_poll_s: Positive = Field(2, description="Seconds between two looks for a moved champion.")
    key_cache_s: NotNegative = Field(
        5,
        description="Seconds that a looked-up API key, project or rule is reused; a revoked key works that long at most.",
    )

    # Who may ask
    oidc_issuer: Url | None = Field(
        None,
        description="Issuer of bearer tokens (OpenID Connect), such as `https://login.example.com/realms/guard`."
        " Unset: API keys only.",
    )
    oidc_audience: str | None = Field(
        None, validate_default=True, description="What such a token must name as its audience."
    )
    oidc_jwks_url: Url | None = Field(
        None, description="Where its signing keys are. Unset: the issuer's discovery document says it."
    )
    oidc_role_claim: str = Field(
        "roles", description="Claim with the caller's role or roles; `a.b` is the claim `b` inside `a`."
    )
    oidc_roles: dict[str, Role] = Field(
        {}, description="Role of each value of that claim: JSON `{value: role}`. A caller without one is a guest."
    )
    oidc_project_claim: str | None = Field(
        None,
        description="Claim with the only project that the caller may open; `*` there means all. Unset: all projects.",
    )

    rate_per_key: NotNegativeFloat = Field(
        0.0, description="Requests a second of a key or token at most, of all server processes together. 0: no limit."
    )
    rate_per_address: NotNegativeFloat = Field(
        10.0, description="Requests a second of an address without a key at most, probes not counted. 0: no limit."
    )
    rate_burst_s: Positive = Field(20, description="Seconds of these rates that may come at once.")
    wrong_keys_per_minute: NotNegative = Field(
        60, description="Wrong keys of an address a minute, before it is answered 429 unseen. 0: no limit."
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (),
        description="Addresses or networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed:"
        ' JSON `["10.0.0.0/8"]`.',
    )
    open_metrics: bool | None = Field(
        None,
        description="Whether `/metrics` needs no key. Unset: where the server listens on loopback only.",
    )
    body_timeout_s: Positive = Field(60, description="Seconds that a request's body may take to arrive.")
    request_timeout_s: Positive = Field(300, description="Seconds that a JSON route may take to answer.")

    # Audit
    audit_key: SecretStr | None = Field(
        None,
        description="Ed25519 seed that signs the ledger's checkpoints: 32 random bytes in base64."
        " Unset: `audit.key` in the home folder, made at the first start.",
    )
    audit_checkpoint_s: Positive = Field(300, description="Seconds between two signed checkpoints of the ledger.")

    log_retention_days: Positive | None = Field(
        None,
        validation_alias=AliasChoices("ML_GUARD_LOG_RETENTION_DAYS", "LOG_RETENTION_DAYS"),
        description="Days that rows of the audit ledger are kept; also read from `LOG_RETENTION_DAYS`. Unset: for ever.",
    )
    body_retention_days: Positive | None = Field(
        None, description="Days that bodies of calls are kept. Unset: as long as their rows of the ledger."
    )
    event_retention_days: Positive | None = Field(
        None,
        description="Days that events and labels stay in the database once they are in the lake; older ones are"
        " rejected. Unset: for ever.",
    )
    lake_retention_days: Positive | None = Field(
        None, description="Days that the lake keeps rows of events; what was computed from them stays. Unset: for ever."
    )
    alert_retention_days: Positive | None = Field(
        None,
        description="Days that alerts and their messages are kept after the end of their incident. Unset: for ever.",
    )

    # Language models
    llm_base_url: Url | None = Field(
        None,
        description="OpenAI-compatible server of language models, such as `https://api.openai.com/v1`."
        " Unset: nothing leaves this machine, and answers are extracted from the sources.",
    )
    llm_api_key: SecretStr | None = Field(None, description="Key of that server.")
    llm_model: str | None = Field(None, description="Model of `/query` and `/research` there.")
    answerer: Literal["auto", "extractive"] = Field(
        "auto",
        description="Who answers `/query`: `extractive` puts down sentences of the sources, without a model; `auto` asks"
        " the model where server and model are set.",
    )
    llm_fallbacks: tuple[Fallback, ...] = Field(
        (), description="Servers that are asked where it fails, in this order: JSON `[{base_url, api_key, model}]`."
    )
    llm_timeout_s: Positive = Field(60, description="Seconds that such a server may be silent.")
    llm_total_s: Positive = Field(600, description="Seconds that a call may take, streams included.")
    llm_retries: NotNegative = Field(2, description="Further attempts at a server before the next is asked.")
    llm_concurrency: Positive = Field(256, description="Calls of a server process at once; others wait.")
    llm_max_tokens: Positive = Field(
        4096, description="Tokens of an answer that are reserved in the budgets where the caller names no bound."
    )
    llm_prices: dict[str, Price] = Field(
        {},
        description="US dollars for a million tokens, by model, over the published prices:"
        " JSON `{model: {input, output, cached}}`.",
    )
    # Knowledge base
    knowledge_url: str | None = Field(
        None,
        description="Documents of the knowledge base, a folder or `s3://bucket/prefix`. Unset: the sample corpus.",
    )
    embedding_model: str = Field(
        "packaged",
        description="Model that compares meanings: `packaged`, `none` (search by words alone), or the name of a model"
        " that fastembed downloads from its hub.",
    )
    reranker: str | None = Field(
        None,
        description="Cross-encoder that orders the passages anew: the name of one that fastembed downloads from its hub."
        " Unset: none.",
    )
    qdrant_url: Url | None = Field(
        None, description="Qdrant server that indexes the knowledge base. Unset: an index in each server process."
    )
    qdrant_api_key: SecretStr | None = Field(None, description="Key of that server.")
    policies: Path | None = Field(None, description="File of the policies (YAML). Unset: the built-in policy.")
    timezone: str = Field("UTC", description="IANA zone of the days of usage that belongs to no project.")

    # Costs
    aws_costs: bool = Field(
        default=False,
        description="Whether the pipelines ask AWS Cost Explorer once a day; a request costs 0.01 US dollars."
        " Off: only who asks for it by API is answered.",
    )
    aws_cost_requests: Positive = Field(
        50, description="Requests to Cost Explorer in a UTC day at most, of servers and pipelines together."
    )
    aws_cost_refresh_days: Annotated[int, Field(ge=1, le=365)] = Field(
        45, description="Days that amounts which AWS calls estimated are read again, once a day."
    )
    aws_cost_tag: str = Field("project", description="Cost allocation tag whose value names the project.")
    aws_cost_hourly: bool = Field(
        default=False,
        description="Whether hourly data is switched on at AWS: costs are then summed by local day, else by UTC day.",
    )
    aws_cost_allocation: dict[str, AwsAllocation] = Field(
        {},
        description="Which costs are a project's, where that is not those tagged with its id:"
        " JSON `{project_id: {tag, value, whole_account, hourly}}`.",
    )

    # Observability
    otlp_endpoint: Url | None = Field(
        None,
        validation_alias=AliasChoices("ML_GUARD_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="OTLP/HTTP receiver of traces, such as `http://127.0.0.1:4318`; also read from"
        " `OTEL_EXPORTER_OTLP_ENDPOINT`. Needs the extra `tracing`. Unset: no traces.",
    )

    # Alerts
    alert_routes: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")], SecretStr] = (
        Field(
            {},
            description="Where alerts are sent: JSON `{name: URL}`, such as"
            ' `{"oncall": "mailtos://user:password@smtp.example.com?to=oncall@example.com"}`.',
        )
    )
    alert_timeout_s: Positive = Field(15, description="Seconds that sending one message may take.")
    alert_retry_s: Positive = Field(
        5, description="Seconds before a message is sent again after a failure, doubled each time, an hour at most."
    )
    alert_attempts: Positive = Field(12, description="Attempts at sending a message before it is given up, visibly.")
    public_url: Url | None = Field(
        None, description="Address of this server as people reach it, for links. Unset: its host and port."
    )
    dagster_public_url: Url | None = Field(
        None,
        description="Address of Dagster's pages as people reach it, for links. Unset: its host and port;"
        " no links where `ML_GUARD_PUBLIC_URL` is set.",
    )
    mlflow_public_url: Url | None = Field(
        None, description="Address of MLflow's pages as people reach it, for links. Unset: no links."
    )

    # Research
    fetch_hosts: tuple[HostPattern, ...] = Field(
        (),
        description="Hosts of the web that `/research` may fetch from: JSON list of names, `*.` before one for all below it,"
        " `*` for all public ones. None: nothing of the web is fetched.",
    )
    fetch_schemes: tuple[Literal["http", "https"], ...] = Field(
        ("https",), description="Schemes of such pages: JSON list of `https`, `http`."
    )
    fetch_ports: tuple[Port, ...] = Field((443,), description="Ports of such pages: JSON list.")
    fetch_max_bytes: Positive = Field(2 * 2**20, description="Bytes of a fetched page at most, after decompression.")
    fetch_timeout_s: Positive = Field(15, description="Seconds that fetching a page may take, redirects included.")
    search_provider: Literal["searxng", "brave", "tavily"] | None = Field(
        None,
        description="Web search that `/research` asks beside the knowledge base: `searxng`, `brave`, `tavily`."
        " Unset: none. What it finds is fetched only from allowed hosts.",
    )
    search_url: Url | None = Field(
        None, description="Base URL of that search. Unset: the provider's own; SearXNG has none."
    )
    search_api_key: SecretStr | None = Field(None, description="Key of that search.")
    research_retention_days: NotNegative = Field(
        30, description="Days that the inputs of research steps are kept for a replay; 0: they are not kept."
    )

    # Pipelines
    close_delay_s: NotNegative = Field(
        300, description="Seconds after local midnight until a day is closed: processed, later events counted as late."
    )
    news_interval_s: Positive = Field(
        5, description="Seconds between two looks of the sensors for closed days with news and for retrain flags."
    )
    warm_runs: bool = Field(
        default=True,
        description="Whether pipeline runs start in a process that has imported everything (some 300 MB), on Linux.",
    )
    news_days_per_run: Positive = Field(400, description="Days of one pipeline run at most.")
    news_retries: NotNegative = Field(3, description="Retries of a failed project-day before it waits for new news.")
    news_retry_delay_s: NotNegative = Field(
        60, description="Seconds before a failed project-day is tried again, doubled each time."
    )
    retrain_retries: NotNegative = Field(
        2, description="Retries of a failed training before its flag is given up and an alert is written."
    )
    retrain_retry_delay_s: NotNegative = Field(
        300, description="Seconds before a failed training is tried again, doubled each time."
    )
    load_unsafe_models: bool = Field(
        default=False, description="Whether models in formats that run code when loaded (pickle) may be loaded."
    )
    dagster_host: str = Field("127.0.0.1", description="Address that `ml-guard up` binds the Dagster webserver to.")
    dagster_port: Port = Field(3000, description="Port that `ml-guard up` gives the Dagster webserver.")

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and urlsplit(value.get_secret_value()).scheme.split("+")[0] not in _DATABASES:
            raise ValueError("must start with sqlite:/// or postgresql://")
        return value

    @field_validator("mlflow_url")
    @classmethod
    def _known_registry(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://", "sqlite:///")):
            raise ValueError("must start with http://, https:// or sqlite:///")
        return value

    @field_validator("oidc_audience")
    @classmethod
    def _audience_with_issuer(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("oidc_issuer") is not None and not value:
            raise ValueError("must be set where ML_GUARD_OIDC_ISSUER is: tokens for others are not for us")
        return value

    @model_validator(mode="after")
    def _whole_search(self) -> Self:
        if self.search_provider == "searxng" and self.search_url is None:
            raise ValueError("ML_GUARD_SEARCH_URL: must be set: SearXNG has no server of its own")
        return self

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        known_zone(value)
        return value

    @property
    def database(self) -> str:
        """URL of the operational database, secrets included: never log it."""
        if self.database_url is None:
            return f"sqlite:///{(self.home / 'guard.db').resolve()}"
        return self.database_url.get_secret_value()

    @property
    def mlflow(self) -> str:
        """URL of MLflow's tracking store and registry."""
        return self.mlflow_url or f"sqlite:///{(self.home / 'mlflow.db').resolve()}"

    @property
    def mlflow_artifacts(self) -> str | None:
        """Where runs keep their files without an MLflow server; None where a server decides."""
        return None if self.mlflow.startswith("http") else str((self.home / "mlflow").resolve())

    @property
    def public_address(self) -> str:
        """Where people find this server, without a slash at the end."""
        return (self.public_url or reachable_url(self.host, self.port)).rstrip("/")

    @property
    def journal(self) -> Path:
        """Folder of predictions that wait for the database."""
        return (self.home / "journal").resolve()

    @property
    def models(self) -> Path:
        """Folder of downloaded models."""
        return (self.home / "models").resolve()

    @property
    def embedders(self) -> Path:
        """Folder of embedding models."""
        return (self.home / "embedding").resolve()

    @property
    def knowledge(self) -> str:
        """Where documents are: an absolute folder or an object store URL."""
        root = self.knowledge_url or str(_SAMPLE_KNOWLEDGE)
        return root if "://" in root else str(Path(root).resolve())

    @property
    def lake(self) -> str:
        """Root of the Delta lake: an absolute folder or an object store URL."""
        root = self.lake_url or str(self.home / "lake")
        return root if "://" in root else str(Path(root).resolve())


def reachable_url(host: str, port: int) -> str:
    """The URL of a server that is bound to an address, as this machine reaches it.

    >>> reachable_url("0.0.0.0", 8000)
    'http://127.0.0.1:8000'
    """
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def load_settings() -> Settings:
    """Read the settings from the environment and `.env`.

    Raises
    ------
    SettingsError
        Where a value is wrong, or a variable with our prefix is not a setting: one line that names it.
    """
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.upper().startswith(ENV_PREFIX) and name.upper() not in known)
    if unknown:
        raise SettingsError(f"{unknown[0]} is not a setting of ML Guard; the table of settings is in README.md")
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        if not first["loc"]:
            raise SettingsError(reason_of(first)) from None
        name = str(first["loc"][0]).upper()
        variable = ENV_PREFIX + name if name.lower() in Settings.model_fields else name  # else one of several names
        raise SettingsError(f"{variable}: {reason_of(first)}") from None
    except UnreadableError as error:  # its own text quotes only the field's name
        field = str(error).split('"')[1]
        raise SettingsError(f"{ENV_PREFIX}{field.upper()}: is not JSON") from None
