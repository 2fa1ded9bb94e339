"""The model registry in MLflow: versions, their aliases and their files.

Deciding which version gets which alias is `ml.retraining.promotion`.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guard_core.ids import NAME_SEPARATOR, registered_name

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
CHALLENGER = "challenger"
FLAG_TAG = "ml_guard.flag_id"
_MISSING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
# A registry that is down must be noticed within seconds; by default, MLflow retries for minutes.
_MLFLOW_HTTP_ENV = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


class RegistryUnavailableError(Exception):
    """The registry cannot be reached or does not work; the message names the failed operation."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A registered version, with the aliases that it has now."""

    project_id: str
    model_id: str
    version: str
    run_id: str | None
    aliases: Sequence[str]
    tags: Mapping[str, str]
    created_us: int


class Registry:
    """Reads and changes the registry.

    Parameters
    ----------
    uri : as `StorageSettings.mlflow` gives it.

    Every method raises RegistryUnavailableError if the registry does not answer.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client: MlflowClient | None = None

    def register(self, project_id: str, model_id: str, run_id: str, *, artifact: str, flag_id: str) -> ModelVersion:
        """Register the model of a run for a flag; return the existing version if that was done before."""
        name = registered_name(project_id, model_id)
        with self._available("register a model") as client:
            self._ensure_model(client, name)
            existing = [v for v in self.versions(project_id, model_id) if v.tags.get(FLAG_TAG) == flag_id]
            if existing:
                return existing[-1]
            tags = {FLAG_TAG: flag_id}
            created = client.create_model_version(name, f"runs:/{run_id}/{artifact}", run_id=run_id, tags=tags)
            return _version(project_id, model_id, created)

    def versions(self, project_id: str, model_id: str) -> Sequence[ModelVersion]:
        """Return all versions of a model, newest first."""
        name = registered_name(project_id, model_id)
        with self._available("list versions") as client:
            results: list[Any] = []
            token = None
            while True:
                page = client.search_model_versions(f"name = '{name}'", page_token=token)
                results += page
                token = page.token
                if not token:
                    break
            # The results of a search have no aliases.
            aliases = self._aliases(client, name) if results else {}
        versions = [_version(project_id, model_id, item, aliases) for item in results]
        return sorted(versions, key=lambda item: -int(item.version))

    def version(self, project_id: str, model_id: str, version: str) -> ModelVersion | None:
        """Return one version; None if it does not exist."""
        with self._available("read a version") as client:
            stored = _or_none(lambda: client.get_model_version(registered_name(project_id, model_id), version))
        return None if stored is None else _version(project_id, model_id, stored)

    def aliases(self, project_id: str, model_id: str) -> dict[str, str]:
        """Return versions by alias; empty if the model is not registered."""
        with self._available("read aliases") as client:
            return self._aliases(client, registered_name(project_id, model_id))

    def all_aliases(self) -> dict[tuple[str, str], dict[str, str]]:
        """Return versions by alias, for every registered model with a name of the form project~model."""
        with self._available("list models") as client:
            models: list[Any] = []
            token = None
            while True:
                page = client.search_registered_models(page_token=token)
                models += page
                token = page.token
                if not token:
                    break
        parts = ((model.name.split(NAME_SEPARATOR), model.aliases) for model in models)
        return {
            (names[0], names[1]): {alias: str(version) for alias, version in aliases.items()}
            for names, aliases in parts
            if len(names) == 2
        }

    def set_alias(self, project_id: str, model_id: str, alias: str, version: str) -> None:
        """Move an alias."""
        with self._available("move an alias") as client:
            client.set_registered_model_alias(registered_name(project_id, model_id), alias, version)

    def delete_alias(self, project_id: str, model_id: str, alias: str) -> None:
        """Remove an alias, if it exists."""
        with self._available("remove an alias") as client:
            client.delete_registered_model_alias(registered_name(project_id, model_id), alias)

    def download(self, project_id: str, model_id: str, version: str, folder: Path) -> Path:
        """Copy the files of a version into a folder and return where they are."""
        folder.mkdir(parents=True, exist_ok=True)
        with self._available("download a model") as client:
            source = client.get_model_version_download_uri(registered_name(project_id, model_id), version)
            return self._download(source, folder)

    def run_folder(self, run_id: str, path: str, folder: Path) -> Path:
        """Copy a folder of a run's files into a folder and return where it is."""
        folder.mkdir(parents=True, exist_ok=True)
        with self._available("download a run's files"):
            return self._download(f"runs:/{run_id}/{path}", folder)

    def run_file(self, run_id: str, path: str, folder: Path) -> Path | None:
        """Copy one file of a run into a folder; None where the run has no such file."""
        folder.mkdir(parents=True, exist_ok=True)
        with self._available("download a file") as client:
            parent = path.rpartition("/")[0]
            listed = _or_none(lambda: client.list_artifacts(run_id, parent or None)) or []
            if path not in [item.path for item in listed]:
                return None
            return self._download(f"runs:/{run_id}/{path}", folder)

    def _download(self, source: str, folder: Path) -> Path:
        from mlflow.artifacts import download_artifacts

        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        return Path(download_artifacts(artifact_uri=source, dst_path=str(folder), tracking_uri=self._uri))

    def _ensure_model(self, client: "MlflowClient", name: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _aliases(self, client: "MlflowClient", name: str) -> dict[str, str]:
        model = _or_none(lambda: client.get_registered_model(name))
        return {} if model is None else {alias: str(version) for alias, version in model.aliases.items()}

    @contextmanager
    def _available(self, what: str) -> "Iterator[MlflowClient]":
        try:
            if self._client is None:
                self._client = _client(self._uri)
            yield self._client
        except RegistryUnavailableError:
            raise
        except Exception as error:  # MLflow hands on what its database, its HTTP client and its file stores raise
            reason = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
            raise RegistryUnavailableError(f"MLflow could not {what}: {reason}") from error


def _client(uri: str) -> "MlflowClient":
    for name, value in (*_MLFLOW_HTTP_ENV.items(), ("MLFLOW_DISABLE_TELEMETRY", "true")):
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _or_none(call: Any) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return call()
    except MlflowException as error:
        if error.error_code in _MISSING:
            return None
        raise


def _version(project_id: str, model_id: str, stored: Any, aliases: Mapping[str, str] | None = None) -> ModelVersion:
    version = str(stored.version)
    names = list(stored.aliases) if aliases is None else [a for a, of in aliases.items() if of == version]
    created_us = int(stored.creation_timestamp) * 1_000
    return ModelVersion(project_id, model_id, version, stored.run_id, sorted(names), dict(stored.tags), created_us)
