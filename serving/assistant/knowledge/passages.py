"""What a search gives: passages, and how they were found. How it is done is in `index` and `service`."""

from dataclasses import dataclass
from typing import Literal

Retrieval = Literal["hybrid", "lexical", "empty"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk of a source.

    Attributes
    ----------
    score : of its ranks by meaning and by words, fused, or a reranker's; comparable within one search only.
    similarity : cosine with the question; None without an embedding model.
    """

    chunk_id: str
    source: str
    title: str
    section: str
    page: int | None
    place: int
    text: str
    score: float
    similarity: float | None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Passages, best first, and the version of the knowledge base that they are of."""

    passages: tuple[Passage, ...]
    retrieval: Retrieval
    version: int | None


@dataclass(frozen=True, slots=True)
class Source:
    """A source, and how many chunks it has."""

    source: str
    title: str
    chunks: int


@dataclass(frozen=True, slots=True)
class KnowledgeState:
    """How the knowledge base stands in this process.

    Attributes
    ----------
    retrieval : `loading` until it was looked at for the first time.
    model : the embedding model that questions are compared with; None where words alone are.
    why : in words, wherever retrieval is not hybrid.
    problem : what should work and does not; None where all is as the settings want it.
    """

    retrieval: Retrieval | Literal["loading"]
    version: int | None = None
    chunks: int = 0
    model: str | None = None
    why: str | None = None
    problem: str | None = None
