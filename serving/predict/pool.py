"""The loaded models, and the current version of each alias: the registry is polled every few seconds.

A new version is loaded beside the current one and replaces it atomically, so that every answer is of one version. If the
registry or the new version fails, the current version stays in service.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from guard_core.ids import registered_name
from guard_core.settings import Settings
from guard_store.retraining.registry import CHAMPION, ModelVersion, Registry, RegistryUnavailableError
from serving.predict import metrics
from serving.predict.model_files import ModelFiles

if TYPE_CHECKING:
    from ml.retraining.predictor.load import Predictor

_log = logging.getLogger(__name__)
Key = tuple[str, str]
_RETRY_S = 30.0
_MIN_POLL_S = 1.0
_MAX_LOADED = 64


class ModelUnavailableError(Exception):
    """A registered version cannot be served; the message is the reason."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A version of a model in memory."""

    project_id: str
    model_id: str
    version: str
    predictor: "Predictor"


@dataclass(frozen=True, slots=True)
class _View:
    """The result of the last successful poll, and the models in service; immutable, replaced as a whole."""

    aliases: Mapping[Key, Mapping[str, str]] = field(default_factory=dict)
    champions: Mapping[Key, LoadedModel] = field(default_factory=dict)
    failures: Mapping[Key, str] = field(default_factory=dict)


class ModelPool:
    """Loads the champions of all models, and other versions on demand."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = Registry(settings.storage.mlflow)
        self._files = ModelFiles(settings.storage.models)
        self._view = _View()
        self._loaded: dict[tuple[str, str, str], LoadedModel] = {}
        self._load_errors: dict[tuple[str, str, str], tuple[float, str]] = {}
        self._load_lock = threading.Lock()
        self._poll_lock = threading.Lock()
        self._polled_at = -_MIN_POLL_S
        self._stopping = threading.Event()
        self._first_poll = threading.Event()
        self._registry_error: str | None = None
        self._thread = threading.Thread(target=self._run, name="model-pool", daemon=True)

    def start(self) -> None:
        """Start polling."""
        self._thread.start()

    def stop(self) -> None:
        """Stop polling."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def champion(self, key: Key) -> LoadedModel | None:
        """Return the champion in service, if there is one."""
        return self._view.champions.get(key)

    def registered_models(self) -> list[Key]:
        """Return (project, model) of all registered models."""
        return sorted(self._view.aliases)

    def version_of(self, key: Key, alias: str) -> str | None:
        """Return the current version of an alias, if it has one."""
        return self._view.aliases.get(key, {}).get(alias)

    def has_polled(self) -> bool:
        """Return whether the first poll has ended, successful or not."""
        return self._first_poll.is_set()

    def wait_for_first_poll(self, seconds: float) -> None:
        """Wait until the first poll has ended, or the time is over."""
        self._first_poll.wait(seconds)

    def problems(self) -> dict[str, str]:
        """Return the problems by part: the registry, and models whose newest champion is not in service."""
        problems = {} if self._registry_error is None else {"registry": self._registry_error}
        return problems | {f"model {registered_name(*key)}": reason for key, reason in self._view.failures.items()}

    def get(self, key: Key, version: str) -> LoadedModel:
        """Return a version, loaded now if need be, which may take a second.

        Raises
        ------
        LookupError
            If there is no such version.
        ModelUnavailableError
            If it cannot be loaded.
        """
        version_key = (*key, version)
        loaded = self._loaded.get(version_key)
        if loaded is not None:
            return loaded
        with self._load_lock:
            if version_key in self._loaded:
                return self._loaded[version_key]
            failure = self._load_errors.get(version_key)
            if failure is not None and failure[0] > time.monotonic():
                raise ModelUnavailableError(failure[1])
            try:
                loaded = self._load(key, version)
            except (RegistryUnavailableError, ModelUnavailableError) as error:
                pause_s = _RETRY_S if isinstance(error, ModelUnavailableError) else _MIN_POLL_S
                self._load_errors[version_key] = (time.monotonic() + pause_s, str(error))
                raise ModelUnavailableError(str(error)) from error
            self._load_errors.pop(version_key, None)
            self._make_room()
            self._loaded[version_key] = loaded
            return loaded

    def poll_soon(self) -> None:
        """Poll unless the last poll is less than a second old, for a request of a model that it did not contain."""
        if time.monotonic() - self._polled_at > _MIN_POLL_S:
            self.poll()

    def poll(self) -> None:
        """Read the aliases of the registry, and load new champions."""
        with self._poll_lock:
            self._poll()
            self._polled_at = time.monotonic()

    def _poll(self) -> None:
        try:
            aliases = self._registry.all_aliases() if self._registry_exists() else {}
        except RegistryUnavailableError as error:
            if self._registry_error is None:
                _log.error("the registry does not answer; the loaded models stay in service: %s", error)
            self._registry_error = str(error)
            metrics.set_registry_up(up=False)
            return
        if self._registry_error is not None:
            _log.info("the registry answers again")
        self._registry_error = None
        metrics.set_registry_up(up=True)
        self._update_champions(aliases)
        if aliases:  # an empty or missing registry does not prove that a copy is unused
            self._files.sweep(aliases)

    def _update_champions(self, aliases: Mapping[Key, Mapping[str, str]]) -> None:
        champions: dict[Key, LoadedModel] = {}
        failures: dict[Key, str] = {}
        for key, model_aliases in aliases.items():
            current = self._view.champions.get(key)
            version = model_aliases.get(CHAMPION)
            if version is None:
                continue
            if current is not None and current.version == version:
                champions[key] = current
                continue
            try:
                champions[key] = self.get(key, version)
                _log.info("%s: version %s is in service", registered_name(*key), version)
            except (ModelUnavailableError, LookupError) as error:
                failures[key] = f"version {version} cannot be served: {error}"
                if key not in self._view.failures:
                    _log.error("%s: %s", registered_name(*key), failures[key])
                if current is not None:
                    champions[key] = current
        self._view = _View(aliases, champions, failures)
        metrics.set_models(serving=len(champions), stale=len(failures))

    def _load(self, key: Key, version: str) -> LoadedModel:
        model_version = self._registry.version(*key, version)
        if model_version is None:
            raise LookupError(f"there is no version {version}")
        try:
            return LoadedModel(*key, version, self._read(model_version))
        except OSError as error:
            raise ModelUnavailableError(f"its files cannot be stored: {error.strerror}") from error

    def _read(self, version: ModelVersion, *, is_retry: bool = False) -> "Predictor":
        from ml.retraining.predictor.errors import ModelError
        from ml.retraining.predictor.load import load_predictor
        from ml.retraining.predictor.trust import Trust

        folder = self._files.fetch(self._registry, version)
        try:
            predictor = load_predictor(folder, Trust.of(self._settings.predict))
            return _warm(predictor) if predictor.background else predictor
        except ModelError as error:
            # The copy may be damaged here and intact in the registry: the next try downloads it again.
            if not self._files.delete(folder) and not is_retry:  # another worker deleted it while it was read
                return self._read(version, is_retry=True)
            raise ModelUnavailableError(str(error)) from error

    def _make_room(self) -> None:
        in_service = {(model.project_id, model.model_id, model.version) for model in self._view.champions.values()}
        for version_key in list(self._loaded):
            if len(self._loaded) < _MAX_LOADED:
                return
            if version_key not in in_service:
                del self._loaded[version_key]

    def _registry_exists(self) -> bool:
        """Return False if the registry is a file that the first training has not created yet."""
        prefix = "sqlite:///"
        uri = self._settings.storage.mlflow
        return not uri.startswith(prefix) or Path(uri.removeprefix(prefix)).exists()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.poll()
            except Exception:  # noqa: BLE001 - without this thread, new champions would silently never be served
                _log.exception("polling the registry failed")
            self._first_poll.set()
            self._stopping.wait(self._settings.predict.model_poll_s)


def _warm(predictor: "Predictor") -> "Predictor":
    """Predict a usual row, because the first call of a model's runtime takes many times longer than the others.

    Raises
    ------
    CorruptModelError
        If the model cannot predict a row of its own training.
    """
    from ml.retraining.predictor.errors import CorruptModelError, briefly

    try:
        predictor.predict(predictor.background[:1])
    except Exception as error:
        raise CorruptModelError(f"it cannot predict a row of its own training: {briefly(error)}") from error
    return predictor
