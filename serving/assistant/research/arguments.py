"""Arguments of the tools of research, as schemas that a call must fit."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

MAX_TOPIC = 2_000
Topic = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TOPIC)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SearchArguments(_Strict):
    """A search of the knowledge base."""

    topic: Topic
    top_k: int = Field(24, ge=1, le=50)


class WebSearchArguments(_Strict):
    """A search of the web."""

    topic: Topic
    top_k: int = Field(5, ge=1, le=20)


class FetchArguments(_Strict):
    """A document of the knowledge base by its source, or a page of the web by its URL."""

    source: str | None = Field(None, min_length=1, max_length=1_000)
    url: str | None = Field(None, min_length=1, max_length=4_000)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.source is None) == (self.url is None):
            raise ValueError("either source or url must be given")
        return self


class ReadPassage(_Strict):
    """A passage after the content policy."""

    chunk_id: str
    source: str
    title: str
    section: str
    page: int | None
    place: int
    text: str
    similarity: float | None


class ModelArguments(_Strict):
    """Passages for a model to summarise."""

    topic: Topic
    passages: list[ReadPassage] = Field(min_length=1, max_length=50)


class SummarizeArguments(_Strict):
    """Passages to summarise: by extraction, or by verifying a model's text, `said`, against them."""

    topic: Topic
    passages: list[ReadPassage] = Field(max_length=50)
    said: str | None = None


class SourceText(_Strict):
    """A text and its source."""

    source: str
    text: str


class FindingText(_Strict):
    """A finding and its sources."""

    text: str
    sources: list[str]


class RiskArguments(_Strict):
    """The texts and findings of a research, for the risk check."""

    topic: Topic
    read: list[SourceText]
    findings: list[FindingText]
    unsupported: int = Field(ge=0)
    unavailable: list[str]
    summed_up: bool
