"""The embedding model of this process: loaded when it is first needed, tried again some time after it could not be."""

import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ml.knowledge.embedding import Embedder

_log = logging.getLogger(__name__)
_AGAIN_S = 60.0


class Model:
    """Threads may share it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._loading = threading.Lock()
        self._embedder: Embedder | None = None
        self._failed_at = -_AGAIN_S
        self.problem: str | None = None

    def get(self) -> "Embedder | None":
        """The model; None where none is wanted, or it cannot be loaded: then `problem` says why."""
        if self.name == "none":
            return None
        with self._loading:
            if self._embedder is None and time.monotonic() - self._failed_at >= _AGAIN_S:
                self._load()
            return self._embedder

    def _load(self) -> None:
        from ml.knowledge.embedding import EmbedderError, load_embedder

        try:
            self._embedder = load_embedder(self.name, self._folder)
            self.problem = None
        except EmbedderError as error:
            _log.exception("searching by words alone")
            self._failed_at, self.problem = time.monotonic(), str(error)
