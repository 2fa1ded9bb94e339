"""Storage: databases, lake and registry, all in one folder unless a server is configured."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from guard_core.settings.group import Group, Url

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
        None, description="Public address of MLflow's pages, for links. Unset: no links."
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
