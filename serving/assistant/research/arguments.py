"""What the tools of research are given: the schemas that a call must fit."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

TOPIC_MOST = 2_000
Topic = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TOPIC_MOST)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SearchArguments(_Strict):
    """What the knowledge base is searched for."""

    topic: Topic
    top_k: int = Field(24, ge=1, le=50)


class WebSearchArguments(_Strict):
    """What the web is searched for."""

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
    """A passage as the policy lets it be read."""

    chunk_id: str
    source: str
    title: str
    section: str
    page: int | None
    place: int
    text: str
    similarity: float | None


class ModelArguments(_Strict):
    """What a model is asked to sum up."""

    topic: Topic
    passages: list[ReadPassage] = Field(min_length=1, max_length=50)


class SummarizeArguments(_Strict):
    """What is summed up: by extraction, or what a model `said` is held against the passages."""

    topic: Topic
    passages: list[ReadPassage] = Field(max_length=50)
    said: str | None = None


class ReadText(_Strict):
    """A text and its source."""

    source: str
    text: str


class FoundText(_Strict):
    """A finding and its sources."""

    text: str
    sources: list[str]


class RiskArguments(_Strict):
    """What is looked at for risks."""

    topic: Topic
    read: list[ReadText]
    findings: list[FoundText]
    unsupported: int = Field(ge=0)
    unavailable: list[str]
    summed_up: bool
