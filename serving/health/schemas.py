"""Responses about the server's health."""

from typing import Literal

from pydantic import BaseModel

from serving.assistant.knowledge.passages import Retrieval


class Health(BaseModel):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class KnowledgeReadiness(BaseModel):
    """How the knowledge base is searched; `version` is absent if it has not been built yet."""

    retrieval: Retrieval | Literal["loading"]
    version: int | None


class Readiness(BaseModel):
    """Requests can be served; `degraded` gives the problem of each part that works with limitations."""

    status: Literal["ok", "degraded"] = "ok"
    knowledge: KnowledgeReadiness
    degraded: dict[str, str] | None = None
