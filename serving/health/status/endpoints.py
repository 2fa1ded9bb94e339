"""The route of the status, for analysts."""

from typing import Annotated

from fastapi import Depends

from serving.auth.security import Caller
from serving.health.status.schemas import Status
from serving.health.status.service import StatusService
from serving.http.dependencies import part
from serving.http.routing import ANALYST, keyed_router

router = keyed_router("health")
StatusDep = Annotated[StatusService, Depends(part(StatusService))]


@router.get("/status", openapi_extra=ANALYST)
def read_status(caller: Caller, status: StatusDep) -> Status:
    """Read what waits and what has failed: days, sensors, runs, queue, messages, knowledge base, disk, versions."""
    return status.read(caller.project_id)
