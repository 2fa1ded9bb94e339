"""Relevance of passages to a question by a cross-encoder: slower and more accurate than comparing vectors.

Choosing the passages to rerank does not belong here; it is in `serving.assistant.knowledge`.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ml.environment import set_library_defaults
from ml.knowledge.embedding import ModelError

if TYPE_CHECKING:
    from fastembed.rerank.cross_encoder import TextCrossEncoder


class Reranker:
    """A loaded cross-encoder; threads may share it."""

    def __init__(self, model: "TextCrossEncoder") -> None:
        self._model = model
        self._lock = Lock()

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """Return how well each text answers the question; higher is better."""
        with self._lock:
            return [float(score) for score in self._model.rerank(question, list(texts))]


def load_reranker(model: str, folder: Path) -> Reranker:
    """Load a cross-encoder by its name in fastembed; it is downloaded once.

    Raises
    ------
    ModelError
        If it cannot be loaded.
    """
    set_library_defaults()
    try:
        from fastembed.rerank.cross_encoder import TextCrossEncoder

        offline = os.environ.get("HF_HUB_OFFLINE") == "1"
        return Reranker(TextCrossEncoder(model, cache_dir=str(folder), threads=1, local_files_only=offline))
    except Exception as error:  # a hub, a file system and a runtime have many ways to fail
        raise ModelError(f"the reranker {model!r} cannot be loaded ({type(error).__name__}: {error})") from error
