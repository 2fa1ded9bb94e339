"""Route of the prompts. Their texts are files in the repository, changed by review."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from serving.gateway.prompts.book import PromptBook
from serving.gateway.prompts.template import Prompt, Variable
from serving.http.dependencies import part
from serving.http.paging import Page
from serving.http.routing import ANALYST, keyed_router

router: APIRouter = keyed_router("prompts")
Prompts = Annotated[PromptBook, Depends(part(PromptBook))]


class PromptView(BaseModel):
    """One version of a prompt."""

    name: str
    version: int
    description: str
    hash: str = Field(description="SHA-256 of the parts that reach a model; the ledger records it with each use.")
    model_hints: dict[str, str | int | float | bool]
    variables: dict[str, Variable]

    @classmethod
    def of(cls, prompt: Prompt) -> "PromptView":
        """Build the view of a prompt."""
        return cls(
            name=prompt.name,
            version=prompt.version,
            description=prompt.description,
            hash=prompt.hash,
            model_hints=dict(prompt.model_hints),
            variables=dict(prompt.variables),
        )


@router.get("/prompts", openapi_extra=ANALYST)
def list_prompts(prompts: Prompts) -> Page[PromptView]:
    """List the prompts, by name and version."""
    return Page.whole(map(PromptView.of, prompts))
