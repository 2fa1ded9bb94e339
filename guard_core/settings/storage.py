"""Storage: databases, lake and registry, all in one folder unless a server is configured."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from guard_core.settings.group import Group, NotNegative, Port, Url

MLFLOW_HOST = "127.0.0.1"
"""Address of MLflow's pages; they have no login, so no other one can be set."""
_DATABASES = ("sqlite", "postgresql")


class StorageSettings(Group):
    """Group `storage` of the settings."""

    title = "Storage"
    prefix = ""

    home: Path = Field(Path(".guard"), description="Folder of all data without a location of its own.")
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
    mlflow_public_url: Url | None = Field(
        None,
        description="Public address of MLflow's pages, for links. Unset: the pages that `ml-guard up` starts, or"
        " `ML_GUARD_MLFLOW_URL` if its host is a full name or an address; no links if `ML_GUARD_PUBLIC_URL` is set.",
    )
    mlflow_ui: bool = Field(
        default=True,
        description="Whether `ml-guard up` starts MLflow's pages, for this machine only, if MLflow's store is"
        " `sqlite:///…` (about 380 MB of memory).",
    )
    mlflow_port: Port = Field(5001, description="Port that `ml-guard up` gives MLflow's pages.")
    min_free_bytes: NotNegative = Field(
        100_000_000,
        description="Free bytes on the disk of the home folder below which `/readyz` answers 503, because what is sent soon"
        " cannot be stored.",
    )

    backup_passphrase: SecretStr | None = Field(
        None,
        description="Passphrase under which `ml-guard backup` encrypts the key that signs checkpoints, and `ml-guard restore`"
        " decrypts it. Unset: the commands ask for it.",
    )

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

    @property
    def database(self) -> str:
        """URL of the operational database, secrets included: never log it."""
        if self.database_url is None:
            return f"sqlite:///{(self.home / 'guard.db').resolve()}"
        return self.database_url.get_secret_value()

    @property
    def lake(self) -> str:
        """Root of the Delta lake: an absolute folder or an object store URL."""
        root = self.lake_url or str(self.home / "lake")
        return root if "://" in root else str(Path(root).resolve())

    @property
    def mlflow(self) -> str:
        """URL of MLflow's tracking store and registry."""
        return self.mlflow_url or f"sqlite:///{(self.home / 'mlflow.db').resolve()}"

    @property
    def mlflow_artifacts(self) -> str | None:
        """Folder of the files of runs; None if an MLflow server stores them."""
        return None if self.mlflow.startswith("http") else str((self.home / "mlflow").resolve())

    @property
    def has_mlflow_ui(self) -> bool:
        """Whether `ml-guard up` starts MLflow's pages."""
        return self.mlflow_ui and not self.mlflow.startswith("http")

    @property
    def mlflow_ui_url(self) -> str | None:
        """Address of MLflow's pages for a browser on this machine; None if there is none that a browser can resolve."""
        if self.has_mlflow_ui:
            return f"http://{MLFLOW_HOST}:{self.mlflow_port}"
        parts = urlsplit(self.mlflow)
        host = parts.hostname or ""
        is_known = parts.scheme != "sqlite" and ("." in host or ":" in host or host == "localhost")
        return self.mlflow if is_known and parts.username is None else None

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
