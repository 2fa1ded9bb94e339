"""Cost routes: analysts read costs; admins pull them, because AWS charges for each request."""

from typing import Annotated

from fastapi import Depends, Query

from guard_store.costs.rows import Metric
from guard_store.projects.store import Project
from ml.costs.forecast import DEFAULT_CONFIDENCE
from serving.auth.security import Caller
from serving.costs.schemas import CostDayView, ForecastsView, MonthView, PullView, UnitDayView
from serving.costs.service import CostService
from serving.http.dependencies import EntryDep, part
from serving.http.paging import Cursor, Limit, Page
from serving.http.routing import ADMIN, ANALYST, NOT_FOUND, ProjectStoreDep, find_project, keyed_router
from serving.monitoring.results.days import QueriedDays, checked_day

router = keyed_router("costs")
Costs = Annotated[CostService, Depends(part(CostService))]

QueriedProject = Annotated[str, Query(description="Id of a project.")]
QueriedDay = Annotated[str | None, Query(description="A local day, `YYYY-MM-DD`.")]
QueriedMetric = Annotated[Metric, Query(description="Which amounts of AWS to use.")]


def _project_to_read(
    project_id: QueriedProject, caller: Caller, projects: ProjectStoreDep, record: EntryDep
) -> Project:
    caller.require("analyst", project_id)
    record.project_id = project_id
    return find_project(projects, project_id)


def _project_to_pull(
    project_id: QueriedProject, caller: Caller, projects: ProjectStoreDep, record: EntryDep
) -> Project:
    caller.require("admin", project_id)
    record.project_id = project_id
    return find_project(projects, project_id)


ProjectToRead = Annotated[Project, Depends(_project_to_read)]
ProjectToPull = Annotated[Project, Depends(_project_to_pull)]


@router.get("/costs", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_costs(
    project: ProjectToRead, costs: Costs, days: QueriedDays, cursor: Cursor = None, limit: Limit = 100
) -> Page[CostDayView]:
    """Read the costs of each local day, by source and service."""
    return costs.days(project, days, cursor, limit)


@router.get("/costs/units", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_unit_costs(
    project: ProjectToRead,
    costs: Costs,
    days: QueriedDays,
    metric: QueriedMetric = "unblended",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[UnitDayView]:
    """Read the costs per thousand predictions of each local day, in total and by model."""
    return costs.unit_days(project, days, metric, cursor, limit)


@router.get("/costs/forecast", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_forecast(
    project: ProjectToRead,
    costs: Costs,
    day: QueriedDay = None,
    metric: QueriedMetric = "unblended",
    confidence: Annotated[
        float, Query(gt=0, lt=1, description="Share of months whose cost the interval should contain.")
    ] = DEFAULT_CONFIDENCE,
) -> ForecastsView:
    """Read the forecast of a month's costs as of the end of a local day, by default yesterday."""
    if day is not None:
        checked_day("day", day)
    return costs.forecast(project, day, metric, confidence)


@router.get("/costs/month", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_month(
    caller: Caller,
    costs: Costs,
    projects: ProjectStoreDep,
    project_id: Annotated[str | None, Query(description="Only this project.")] = None,
) -> MonthView:
    """Read the costs of the present month: language models with a forecast, and AWS by service."""
    project_id = project_id or caller.project_id
    caller.require("analyst", project_id)
    return costs.month(None if project_id is None else find_project(projects, project_id))


@router.post("/costs/pull", responses=NOT_FOUND, openapi_extra=ADMIN)
def pull_costs(
    project: ProjectToPull,
    costs: Costs,
    record: EntryDep,
    day: QueriedDay = None,
    start: QueriedDay = None,
    end: QueriedDay = None,
    *,
    overwrite: Annotated[bool, Query(description="Whether to read days again whose amounts are final.")] = False,
) -> PullView:
    """Pull costs from AWS Cost Explorer for one local day, or for the days from `start` to `end`."""
    for field, queried_day in (("day", day), ("start", start), ("end", end)):
        if queried_day is not None:
            checked_day(field, queried_day)
    view, outcome = costs.pull(project, day, start, end, overwrite=overwrite)
    record.details["costs"] = {"start": view.start, "end": view.end, "state": view.state, "requests": outcome.requests}
    return view
