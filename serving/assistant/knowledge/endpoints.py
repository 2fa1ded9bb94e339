"""Route of the knowledge base: what it holds and how it stands. Asking it is `/query`."""

from dataclasses import asdict
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from serving.assistant.knowledge.passages import Retrieval
from serving.http.routing import ANALYST, keyed_router
from serving.services import Provided

router: APIRouter = keyed_router("knowledge")


class SourceView(BaseModel):
    """A source that passages are found in."""

    source: str
    title: str
    chunks: int


class SkippedView(BaseModel):
    """A file that could not be read."""

    source: str
    reason: str


class KnowledgeView(BaseModel):
    """What the knowledge base holds, and how it is searched here."""

    retrieval: Retrieval | Literal["loading"]
    why: str | None = Field(description="Why it is not searched by meaning and words both.")
    problem: str | None = Field(description="What should work and does not.")
    version: int | None = Field(description="Version of its table in the lake; null where it was never built.")
    model: str | None = Field(description="The embedding model; null where words alone are searched.")
    chunks: int
    sources: list[SourceView]
    skipped: list[SkippedView]


@router.get("/knowledge", openapi_extra=ANALYST)
async def read_knowledge(services: Provided) -> KnowledgeView:
    """Read what the knowledge base holds and how it stands."""
    sources = await services.knowledge.sources()
    skipped = await services.knowledge.skipped()
    return KnowledgeView(
        **asdict(services.knowledge.state()),
        sources=[SourceView(**asdict(source)) for source in sources],
        skipped=[SkippedView(**asdict(file)) for file in skipped],
    )
