"""Texts as sparse vectors of their words, weighed as BM25 wants them; how rare a word is comes from the index that holds them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastembed import SparseEmbedding

Weights = tuple[list[int], list[float]]
"""Numbers of words, and the weight of each."""

_USUAL_WORDS = 100
"""Words of a chunk without stop words, about: BM25 weighs longer ones less."""

_STOP_WORDS = """\
a about above after again against all also am an and any are as at be because been before being below between both
but by can could did do does doing down during each few for from further had has have having he her here hers him his
how i if in into is it its itself just me more most my no nor not now of off on once only or other our ours out over
own same shall she should so some such than that the their theirs them then there these they this those through to
too under until up us very was we were what when where which while who whom why will with would you your yours
"""


class Words:
    """English words by their stems; threads may share it."""

    def __init__(self) -> None:
        from fastembed import SparseTextEmbedding

        # Any folder will do: what it would be searched for are the stop words, which are given.
        folder = str(Path(__file__).parent)
        self._model = SparseTextEmbedding(
            "Qdrant/bm25", specific_model_path=folder, stopwords=set(_STOP_WORDS.split()), avg_len=float(_USUAL_WORDS)
        )

    def of_texts(self, texts: Iterable[str]) -> Iterator[Weights]:
        """Weights of texts that are searched."""
        return (_weights(found) for found in self._model.embed(list(texts)))

    def of_question(self, question: str) -> Weights:
        """Weights of a question; none where it has stop words only."""
        return _weights(next(iter(self._model.query_embed(question))))


def _weights(found: "SparseEmbedding") -> Weights:
    return [int(index) for index in found.indices], [float(value) for value in found.values]
