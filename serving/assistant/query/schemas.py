"""Requests and responses about questions."""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from guard_core.ids import ID_PATTERN
from guard_store.spending.amounts import Amount
from serving.assistant.knowledge.passages import Retrieval

MAX_QUESTION = 4_000
MAX_TOP_K = 20


class QueryRequest(BaseModel):
    """A question for the knowledge base."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    question: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION)]
    grounded: bool = Field(default=True, description="Leave out claims that no source supports.")
    stream: bool = Field(default=False, description="Answer with server-sent events.")
    project_id: str | None = Field(
        None,
        pattern=ID_PATTERN,
        description="Project that it counts for and whose policy applies; the key's by default.",
    )
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K, description="Maximum number of passages to answer from.")] = 5

    @field_validator("question")
    @classmethod
    def _not_blank(cls, question: str) -> str:
        if not question.strip():
            raise ValueError(f"must have 1 to {MAX_QUESTION} characters")
        return question


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote of a source that supports a sentence of an answer.

    Attributes
    ----------
    n : its number in the answer, `[n]`: the position of its passage in the search result, from 1.
    quote : from the passage, verbatim.
    score : of the passage in the search; comparable within one answer only.
    verified : whether the source contains the quote exactly as shown; False if the policy redacted it.
    """

    n: int
    source: str
    title: str
    section: str
    page: int | None
    quote: str
    score: float
    similarity: float | None
    verified: bool
    chunk_id: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of an answer; cached ones are part of `input`, reasoning is part of `output`."""

    input: int
    cached: int
    output: int
    reasoning: int
    estimated: bool

    @classmethod
    def of(cls, usage: Amount) -> Self:
        """Return the tokens of a call's usage."""
        return cls(usage.tokens_in, usage.tokens_cached, usage.tokens_out, usage.tokens_reasoning, usage.estimated)


@dataclass(frozen=True, slots=True)
class Timings:
    """Durations of an answer in milliseconds: of the search, and of all that follows up to its last word."""

    search_ms: float
    answer_ms: float


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """An answer, or that the sources do not give one.

    Attributes
    ----------
    declined : whether the sources do not answer the question.
    retrieval : `lexical` if the search used words alone, `empty` if there is nothing to search.
    cost_usd : None if the price is unknown.
    prompt : `name@version` of the template; None without a model.
    flags : rules of the policy with findings, and kinds of claims withheld because no source supports them.
    """

    answer: str
    citations: tuple[Citation, ...]
    declined: bool
    retrieval: Retrieval
    model: str
    prompt: str | None
    tokens: Tokens
    cost_usd: float | None
    flags: tuple[str, ...]
    timings: Timings
    request_id: str
