"""Baseline routes: analysts capture baselines, list them and activate one."""

from typing import Annotated

from fastapi import Depends, Path

from serving.auth.security import Caller
from serving.http.dependencies import RequestId, part
from serving.http.paging import Cursor, Limit, Page
from serving.http.routing import (
    ANALYST,
    CONFLICT,
    NOT_FOUND,
    KnownModelId,
    ModelId,
    ProjectStoreDep,
    ProjectToRead,
    find_project,
    keyed_router,
)
from serving.monitoring.baselines.schemas import BaselineRequest, BaselineView
from serving.monitoring.baselines.service import BaselineService
from serving.monitoring.results.days import checked_days

router = keyed_router("baselines")
Baselines = Annotated[BaselineService, Depends(part(BaselineService))]
_BASELINES = "/projects/{project_id}/models/{model_id}/baselines"


@router.post("/baselines", status_code=201, responses={**NOT_FOUND, **CONFLICT}, openapi_extra=ANALYST)
def capture_baseline(
    body: BaselineRequest, caller: Caller, baselines: Baselines, projects: ProjectStoreDep, request_id: RequestId
) -> BaselineView:
    """Capture a range of local days as the model's new active baseline."""
    caller.require("analyst", body.project_id)
    find_project(projects, body.project_id)
    days = checked_days(body.start, body.end)
    baseline = baselines.capture(body.project_id, body.model_id, days, created_by=caller.key_id, request_id=request_id)
    return BaselineView.of(baseline)


@router.get(_BASELINES, responses=NOT_FOUND, openapi_extra=ANALYST)
def list_baselines(
    project: ProjectToRead, model_id: KnownModelId, baselines: Baselines, cursor: Cursor = None, limit: Limit = 100
) -> Page[BaselineView]:
    """List all versions of a model's baseline, newest first."""
    return baselines.versions(project.id, model_id, cursor, limit)


@router.post(_BASELINES + "/{version}/activate", responses=NOT_FOUND, openapi_extra=ANALYST)
def activate_baseline(
    project: ProjectToRead,
    model_id: ModelId,
    version: Annotated[int, Path(ge=1, le=2**31 - 1, description="Version of a baseline.")],
    baselines: Baselines,
    request_id: RequestId,
) -> BaselineView:
    """Activate a version of the baseline: all days are evaluated against it again."""
    return BaselineView.of(baselines.activate(project.id, model_id, version, request_id))
