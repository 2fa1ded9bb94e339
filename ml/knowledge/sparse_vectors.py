"""Sparse vectors of texts with the term weights of BM25.

Inverse document frequencies do not belong here: the index that stores the vectors applies them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ml.environment import set_library_defaults

if TYPE_CHECKING:
    from fastembed import SparseEmbedding

Weights = tuple[list[int], list[float]]
"""Indices of terms, and the weight of each."""

_USUAL_WORDS = 100
"""Approximate length of a chunk in words without stop words: BM25 gives the terms of longer chunks less weight."""

_STOP_WORDS = """\
a about above after again against all also am an and any are as at be because been before being below between both
but by can could did do does doing down during each few for from further had has have having he her here hers him his
how i if in into is it its itself just me more most my no nor not now of off on once only or other our ours out over
own same shall she should so some such than that the their theirs them then there these they this those through to
too under until up us very was we were what when where which while who whom why will with would you your yours
"""


class Words:
    """A BM25 model of stemmed English words; safe to share between threads."""

    def __init__(self) -> None:
        set_library_defaults()
        from fastembed import SparseTextEmbedding

        # fastembed reads only the stop words from this folder; they are passed below, so any folder will do.
        folder = str(Path(__file__).parent)
        self._model = SparseTextEmbedding(
            "Qdrant/bm25", specific_model_path=folder, stopwords=set(_STOP_WORDS.split()), avg_len=float(_USUAL_WORDS)
        )

    def of_texts(self, texts: Iterable[str]) -> Iterator[Weights]:
        """Return the weights of texts to be indexed."""
        return (_weights(vector) for vector in self._model.embed(list(texts)))

    def of_question(self, question: str) -> Weights:
        """Return the weights of a question; empty if it has only stop words."""
        return _weights(next(iter(self._model.query_embed(question))))


def _weights(vector: "SparseEmbedding") -> Weights:
    return [int(index) for index in vector.indices], [float(value) for value in vector.values]
