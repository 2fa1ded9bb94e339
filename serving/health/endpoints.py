"""Routes of health: open to anybody, because those who ask are load balancers and people in a hurry."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from serving.assistant.knowledge.passages import Retrieval
from serving.health.service import failing_parts
from serving.http.problems import Unavailable
from serving.http.routing import ANYONE
from serving.services import Provided

router = APIRouter(tags=["health"])


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


_NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {
        "description": "Not ready; `failing` names the parts.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


@router.get("/healthz", openapi_extra=ANYONE)
async def liveness() -> Health:
    """Whether the process answers; asks nobody else."""
    return Health()


@router.get("/api/v1/health", openapi_extra=ANYONE)
async def health() -> Health:
    """Whether the process answers; asks nobody else."""
    return Health()


@router.get("/readyz", openapi_extra=ANYONE, responses=_NOT_READY, response_model_exclude_none=True)
def readiness(services: Provided) -> Readiness:
    """Whether requests can be served: 503 names the failing part; `degraded` names what works less well than it should."""
    failing = failing_parts(services)
    if failing:
        raise Unavailable("; ".join(f"{part}: {reason}" for part, reason in failing.items()), failing=list(failing))
    degraded = services.predict.pool.problems() | services.alerts.problems()
    state = services.knowledge.state()
    if state.problem is not None:
        degraded["knowledge"] = state.problem
    knowledge = KnowledgeReadiness(retrieval=state.retrieval, version=state.version)
    return Readiness(status="degraded" if degraded else "ok", knowledge=knowledge, degraded=degraded or None)
