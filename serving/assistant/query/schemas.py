"""What a question may say, and what its answer says."""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from guard_core.ids import ID_PATTERN
from guard_store.spending.amounts import Amount
from serving.assistant.knowledge.passages import Retrieval

QUESTION_MOST = 4_000
TOP_K_MOST = 20


class QueryRequest(BaseModel):
    """A question for the knowledge base."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    question: Annotated[str, Field(min_length=1, max_length=QUESTION_MOST)]
    grounded: bool = Field(default=True, description="Leave out claims that no source supports.")
    stream: bool = Field(default=False, description="Answer with server-sent events.")
    project_id: str | None = Field(
        None,
        pattern=ID_PATTERN,
        description="Project that it counts for, and whose policy holds; the key's own if none.",
    )
    top_k: Annotated[int, Field(ge=1, le=TOP_K_MOST, description="Passages to answer from, at most.")] = 5

    @field_validator("question")
    @classmethod
    def _not_blank(cls, question: str) -> str:
        if not question.strip():
            raise ValueError(f"must have 1 to {QUESTION_MOST} characters")
        return question


@dataclass(frozen=True, slots=True)
class Citation:
    """What bears a sentence of an answer.

    Attributes
    ----------
    n : its number in the answer, `[n]`: the place of its passage among those that were found, from 1.
    quote : from the passage, letter by letter.
    score : of the passage in the search; comparable within one answer only.
    verified : whether the quote stands in the source as it is shown here; not where the policy has taken something out.
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
    """What an answer took; cached ones are part of `input`, reasoning is part of `output`."""

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
class QueryAnswer:
    """An answer, or that the sources do not give one.

    Attributes
    ----------
    declined : whether the sources do not answer.
    retrieval : `lexical` where the search went by words alone, `empty` where there is nothing to search.
    cost_usd : None where the price is not known.
    prompt : `name@version` of the template; None without a model.
    flags : rules of the policy that were met, and faults of the model that were kept back.
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
    request_id: str
