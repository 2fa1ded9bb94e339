"""Models of this process: each is loaded on first use; after a failure, loading is retried no sooner than a minute later."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from guard_core.settings import Settings

if TYPE_CHECKING:
    from ml.knowledge.embedding import Embedder
    from ml.knowledge.reranking import Reranker

_log = logging.getLogger(__name__)
_RETRY_S = 60.0
T = TypeVar("T")


class Lazy(Generic[T]):
    """A lazily loaded model, shared by threads; `load` returns None if none is configured.

    Attributes
    ----------
    problem : why loading failed; None if it did not.
    """

    def __init__(self, load: Callable[[], T | None]) -> None:
        self._load = load
        self._loading = threading.Lock()
        self._model: T | None = None
        self._retry_at = 0.0
        self.problem: str | None = None

    def get(self) -> T | None:
        """Return the model, loading it first if needed; None if none is configured or loading failed."""
        from ml.knowledge.embedding import ModelError

        with self._loading:
            if self._model is None and time.monotonic() >= self._retry_at:
                try:
                    self._model, self.problem = self._load(), None
                except ModelError as error:
                    _log.exception("loading failed, searching without this model")
                    self._retry_at, self.problem = time.monotonic() + _RETRY_S, str(error)
            return self._model

    def unload(self) -> None:
        """Release the model and its memory; `get` would load it again."""
        with self._loading:
            self._model = None


def open_embedder(settings: Settings) -> "Embedder | None":
    """Load the configured embedding model; raises `ModelError`."""
    from ml.knowledge.embedding import load_embedder

    return load_embedder(settings.knowledge.embedding_model, settings.storage.embedders)


def open_reranker(settings: Settings) -> "Reranker | None":
    """Load the configured reranker; raises `ModelError`."""
    from ml.knowledge.reranking import load_reranker

    return (
        None
        if settings.knowledge.reranker is None
        else load_reranker(settings.knowledge.reranker, settings.storage.embedders)
    )
