"""Models that are loaded, and which version each alias means now: looked up in the registry every few seconds.

A new version is loaded beside the old one and takes its place in one step, so that every answer is of one version. Where
the registry or the new version fails, the last good one goes on.
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
_AGAIN_S = 1.0
_MAX_LOADED = 64


class ModelUnavailableError(Exception):
    """A model is known but cannot be served; the message says why."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One version that answers."""

    project_id: str
    model_id: str
    version: str
    predictor: "Predictor"


@dataclass(frozen=True, slots=True)
class _View:
    """What the registry said last, and what is served of it; replaced as a whole."""

    aliases: Mapping[Key, Mapping[str, str]] = field(default_factory=dict)
    champions: Mapping[Key, Loaded] = field(default_factory=dict)
    failures: Mapping[Key, str] = field(default_factory=dict)


class ModelPool:
    """Keeps the champions of all models loaded, and other versions on demand."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = Registry(settings.storage.mlflow)
        self._files = ModelFiles(settings.storage.models)
        self._view = _View()
        self._loaded: dict[tuple[str, str, str], Loaded] = {}
        self._broken: dict[tuple[str, str, str], tuple[float, str]] = {}
        self._loading = threading.Lock()
        self._looking = threading.Lock()
        self._looked_at = -_AGAIN_S
        self._stopping = threading.Event()
        self._looked = threading.Event()
        self._registry_error: str | None = None
        self._thread = threading.Thread(target=self._run, name="model-pool", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def champion(self, key: Key) -> Loaded | None:
        """The champion that answers now."""
        return self._view.champions.get(key)

    def registered(self) -> list[Key]:
        """(project, model) of everything that is registered."""
        return sorted(self._view.aliases)

    def version_of(self, key: Key, alias: str) -> str | None:
        """The version that an alias means now."""
        return self._view.aliases.get(key, {}).get(alias)

    def has_looked(self) -> bool:
        """Whether the registry has been asked once, whatever it said."""
        return self._looked.is_set()

    def wait_for_look(self, seconds: float) -> None:
        """Return when the registry has been asked once, or the time is over."""
        self._looked.wait(seconds)

    def problems(self) -> dict[str, str]:
        """What is wrong, by part: the registry, and models whose newest champion is not the one that answers."""
        found = {} if self._registry_error is None else {"registry": self._registry_error}
        return found | {f"model {registered_name(*key)}": why for key, why in self._view.failures.items()}

    def get(self, key: Key, version: str) -> Loaded:
        """A version, loaded now if need be; it may take a second.

        Raises
        ------
        LookupError
            If there is no such version.
        ModelUnavailableError
            If it cannot be loaded.
        """
        full = (*key, version)
        found = self._loaded.get(full)
        if found is not None:
            return found
        with self._loading:
            if full in self._loaded:
                return self._loaded[full]
            failed = self._broken.get(full)
            if failed is not None and failed[0] > time.monotonic():
                raise ModelUnavailableError(failed[1])
            try:
                made = self._load(key, version)
            except (RegistryUnavailableError, ModelUnavailableError) as error:
                pause_s = _RETRY_S if isinstance(error, ModelUnavailableError) else _AGAIN_S
                self._broken[full] = (time.monotonic() + pause_s, str(error))
                raise ModelUnavailableError(str(error)) from error
            self._broken.pop(full, None)
            self._make_room()
            self._loaded[full] = made
            return made

    def look_again(self) -> None:
        """Look now, for somebody who asks for what was not there at the last look; once a second at most."""
        if time.monotonic() - self._looked_at > _AGAIN_S:
            self.look()

    def look(self) -> None:
        """Ask the registry what the aliases mean, and load what has become champion."""
        with self._looking:
            self._look()
            self._looked_at = time.monotonic()

    def _look(self) -> None:
        try:
            aliases = self._registry.all_aliases() if self._is_there() else {}
        except RegistryUnavailableError as error:
            if self._registry_error is None:
                _log.error("the registry does not answer; the models in service stay: %s", error)
            self._registry_error = str(error)
            metrics.registry_up(up=False)
            return
        if self._registry_error is not None:
            _log.info("the registry answers again")
        self._registry_error = None
        metrics.registry_up(up=True)
        self._follow(aliases)
        if aliases:  # of a registry that is not there, nothing is known
            self._files.sweep(aliases)

    def _follow(self, aliases: Mapping[Key, Mapping[str, str]]) -> None:
        champions: dict[Key, Loaded] = {}
        failures: dict[Key, str] = {}
        for key, of_model in aliases.items():
            before = self._view.champions.get(key)
            wanted = of_model.get(CHAMPION)
            if wanted is None:
                continue
            if before is not None and before.version == wanted:
                champions[key] = before
                continue
            try:
                champions[key] = self.get(key, wanted)
                _log.info("%s: version %s answers now", registered_name(*key), wanted)
            except (ModelUnavailableError, LookupError) as error:
                failures[key] = f"version {wanted} cannot be served: {error}"
                if key not in self._view.failures:
                    _log.error("%s: %s", registered_name(*key), failures[key])
                if before is not None:
                    champions[key] = before
        self._view = _View(aliases, champions, failures)
        metrics.models(serving=len(champions), stale=len(failures))

    def _load(self, key: Key, version: str) -> Loaded:
        known = self._registry.version(*key, version)
        if known is None:
            raise LookupError(f"there is no version {version}")
        try:
            return Loaded(*key, version, self._read(known))
        except OSError as error:
            raise ModelUnavailableError(f"its files cannot be kept: {error.strerror}") from error

    def _read(self, version: ModelVersion, *, again: bool = False) -> "Predictor":
        from ml.retraining.predictor.errors import ModelError
        from ml.retraining.predictor.load import load_predictor

        folder = self._files.fetch(self._registry, version)
        try:
            return load_predictor(folder, allow_unsafe=self._settings.predict.load_unsafe_models)
        except ModelError as error:
            # What is damaged here may be whole in the registry: the next try downloads it again.
            if not self._files.clear(folder) and not again:  # another worker has, while it was read
                return self._read(version, again=True)
            raise ModelUnavailableError(str(error)) from error

    def _make_room(self) -> None:
        in_service = {(one.project_id, one.model_id, one.version) for one in self._view.champions.values()}
        for full in list(self._loaded):
            if len(self._loaded) < _MAX_LOADED:
                return
            if full not in in_service:
                del self._loaded[full]

    def _is_there(self) -> bool:
        """Whether there can be a registry: before the first training, its file has not been made."""
        prefix = "sqlite:///"
        uri = self._settings.storage.mlflow
        return not uri.startswith(prefix) or Path(uri.removeprefix(prefix)).exists()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except Exception:  # noqa: BLE001 - a model that nobody follows would grow old silently
                _log.exception("looking for moved champions failed")
            self._looked.set()
            self._stopping.wait(self._settings.predict.model_poll_s)
