"""Route of the knowledge base: its content and state. Questions are answered at `/query`."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from serving.assistant.knowledge.passages import Retrieval
from serving.assistant.knowledge.service import KnowledgeService
from serving.http.dependencies import part
from serving.http.routing import ANALYST, keyed_router

router: APIRouter = keyed_router("knowledge")
Knowledge = Annotated[KnowledgeService, Depends(part(KnowledgeService))]


class SourceView(BaseModel):
    """A source of passages."""

    source: str
    title: str
    chunks: int


class SkippedView(BaseModel):
    """A file that could not be read, or not as a whole."""

    source: str
    reason: str = Field(
        description="Begins with its kind: `unreadable`, `empty`, `unknown format`, `too large`; or `partly`: the rest is searched; or `guessed encoding`: all of it is searched."
    )


class KnowledgeView(BaseModel):
    """Content and state of the knowledge base."""

    retrieval: Retrieval | Literal["loading"]
    why: str | None = Field(description="Why the search does not use both meaning and words.")
    problem: str | None = Field(description="What is configured but fails.")
    version: int | None = Field(description="Version of its table in the lake; null if it was never built.")
    model: str | None = Field(description="The embedding model; null if the search uses words alone.")
    chunks: int
    sources: list[SourceView]
    skipped: list[SkippedView]


@router.get("/knowledge", openapi_extra=ANALYST)
async def read_knowledge(knowledge: Knowledge) -> KnowledgeView:
    """Read the content and state of the knowledge base."""
    sources = await knowledge.sources()
    skipped = await knowledge.skipped()
    return KnowledgeView(
        **asdict(knowledge.state()),
        sources=[SourceView(**asdict(source)) for source in sources],
        skipped=[SkippedView(**asdict(file)) for file in skipped],
    )
