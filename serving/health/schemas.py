"""Answers about the server's health."""

from typing import Literal

from pydantic import BaseModel

from serving.assistant.knowledge.passages import Retrieval


class Health(BaseModel):
    """All is well."""

    status: Literal["ok"] = "ok"


class KnowledgeReadiness(BaseModel):
    """How the knowledge base is searched; `version` is missing where it was never built."""

    retrieval: Retrieval | Literal["loading"]
    version: int | None


class Readiness(BaseModel):
    """Requests can be served; `degraded` says what works only with what it knew before."""

    status: Literal["ok", "degraded"] = "ok"
    knowledge: KnowledgeReadiness
    degraded: dict[str, str] | None = None
