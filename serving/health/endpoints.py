"""Routes of health: they need no key, because load balancers call them, and people in a hurry."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from serving.health.schemas import Health, Readiness
from serving.health.service import HealthService
from serving.http.dependencies import part
from serving.http.routing import ANYONE

router = APIRouter(tags=["health"])
Checks = Annotated[HealthService, Depends(part(HealthService))]


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
def readiness(checks: Checks) -> Readiness:
    """Whether requests can be served: 503 names the failing part; `degraded` names what works less well than it should."""
    return checks.readiness()
