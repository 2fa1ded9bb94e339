"""Routes of baselines: analysts capture them, list them and choose the active one."""

from typing import Annotated

from fastapi import Path

from serving.auth.security import Caller
from serving.http.dependencies import RequestId
from serving.http.paging import Cursor, Limit, Page, decode_cursor, page_of
from serving.http.problems import NotFound
from serving.http.routing import ANALYST, CONFLICT, NOT_FOUND, ModelId, ProjectToRead, find_project, keyed_router
from serving.monitoring.baselines import service
from serving.monitoring.baselines.schemas import BaselineRequest, BaselineView
from serving.monitoring.results.days import checked_days
from serving.services import Provided

router = keyed_router("baselines")
_BASELINES = "/projects/{project_id}/models/{model_id}/baselines"


@router.post("/baselines", status_code=201, responses={**NOT_FOUND, **CONFLICT}, openapi_extra=ANALYST)
def capture_baseline(body: BaselineRequest, caller: Caller, services: Provided, request_id: RequestId) -> BaselineView:
    """Make a window of local days the model's reference from now on."""
    caller.require("analyst", body.project_id)
    find_project(services.projects, body.project_id)
    days = checked_days(body.start, body.end)
    baseline = service.capture(
        services, body.project_id, body.model_id, days, created_by=caller.key_id, request_id=request_id
    )
    return BaselineView.of(baseline)


@router.get(_BASELINES, responses=NOT_FOUND, openapi_extra=ANALYST)
def list_baselines(
    project: ProjectToRead, model_id: ModelId, services: Provided, cursor: Cursor = None, limit: Limit = 100
) -> Page[BaselineView]:
    """List all versions, newest first."""
    before = None if cursor is None else decode_cursor(cursor, int, 0)
    versions = services.baselines.versions(project.id, model_id, limit=limit + 1, before=before)
    return page_of(
        versions,
        limit,
        position=lambda baseline: baseline.version,
        item=BaselineView.of,
        state=lambda: "missing_baseline",
    )


@router.post(_BASELINES + "/{version}/activate", responses=NOT_FOUND, openapi_extra=ANALYST)
def activate_baseline(
    project: ProjectToRead,
    model_id: ModelId,
    version: Annotated[int, Path(ge=1, le=2**31 - 1, description="Version of a baseline.")],
    services: Provided,
    request_id: RequestId,
) -> BaselineView:
    """Refer to an older version again: all days are judged against it."""
    baseline = services.baselines.activate(project.id, model_id, version, request_id=request_id)
    if baseline is None:
        raise NotFound(f"Model {model_id!r} has no baseline of version {version}.")
    return BaselineView.of(baseline)
