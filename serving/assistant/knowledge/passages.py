"""Results of a search, and the state of the knowledge base. The search itself is in `index` and `service`."""

from dataclasses import dataclass
from typing import Literal

Retrieval = Literal["hybrid", "lexical", "empty"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk of a source.

    Attributes
    ----------
    score : fused from its ranks by meaning and by words, or a reranker's; comparable within one search only.
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
    """Passages, best first, and their version of the knowledge base."""

    passages: tuple[Passage, ...]
    retrieval: Retrieval
    version: int | None


@dataclass(frozen=True, slots=True)
class Source:
    """A source and its number of chunks."""

    source: str
    title: str
    chunks: int


@dataclass(frozen=True, slots=True)
class KnowledgeState:
    """The state of the knowledge base in this process.

    Attributes
    ----------
    retrieval : `loading` until the first check for a version ends.
    model : the embedding model of the search; None if it uses words alone.
    why : why retrieval is not hybrid; None if it is.
    problem : what is configured but fails; None if nothing does.
    """

    retrieval: Retrieval | Literal["loading"]
    version: int | None = None
    chunks: int = 0
    model: str | None = None
    why: str | None = None
    problem: str | None = None
