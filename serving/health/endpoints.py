"""Health routes; they need no key, so that load balancers can call them."""

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
    """Check that the process is alive, without checking the parts that it depends on."""
    return Health()


@router.get("/api/v1/health", openapi_extra=ANYONE)
async def health() -> Health:
    """Check that the process is alive, without checking the parts that it depends on."""
    return Health()


@router.get("/readyz", openapi_extra=ANYONE, responses=_NOT_READY, response_model_exclude_none=True)
async def readiness(checks: Checks) -> Readiness:
    """Check that requests can be served: 503 names the failing parts, `degraded` the parts that work with limitations."""
    return await checks.readiness()
