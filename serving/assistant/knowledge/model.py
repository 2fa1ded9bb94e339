"""Models of this process: each loaded when it is first needed, and tried again some time after it could not be."""

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
_AGAIN_S = 60.0
T = TypeVar("T")


class Lazy(Generic[T]):
    """A model that `load` gives, or None where none is wanted; threads may share it.

    Attributes
    ----------
    problem : why it could not be loaded; None while nothing is wrong.
    """

    def __init__(self, load: Callable[[], T | None]) -> None:
        self._load = load
        self._loading = threading.Lock()
        self._model: T | None = None
        self._again_at = 0.0
        self.problem: str | None = None

    def get(self) -> T | None:
        """The model; None where none is wanted or it cannot be loaded now."""
        from ml.knowledge.embedding import ModelError

        with self._loading:
            if self._model is None and time.monotonic() >= self._again_at:
                try:
                    self._model, self.problem = self._load(), None
                except ModelError as error:
                    _log.exception("searching without this model")
                    self._again_at, self.problem = time.monotonic() + _AGAIN_S, str(error)
            return self._model


def embedder_of(settings: Settings) -> "Embedder | None":
    """Load the embedding model that is set; raises `ModelError`."""
    from ml.knowledge.embedding import load_embedder

    return load_embedder(settings.knowledge.embedding_model, settings.storage.embedders)


def reranker_of(settings: Settings) -> "Reranker | None":
    """Load the reranker that is set; raises `ModelError`."""
    from ml.knowledge.reranking import load_reranker

    return (
        None
        if settings.knowledge.reranker is None
        else load_reranker(settings.knowledge.reranker, settings.storage.embedders)
    )
