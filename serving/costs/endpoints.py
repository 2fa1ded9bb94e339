"""Routes of costs: read by analysts; pulled by admins, because each question to AWS costs money."""

from typing import Annotated

from fastapi import Depends, Query

from guard_store.costs.rows import Metric
from guard_store.projects.store import Project
from ml.costs.forecast import DEFAULT_CONFIDENCE
from serving.auth.security import Caller
from serving.costs import service
from serving.costs.schemas import CostDayView, ForecastsView, PullView, UnitDayView
from serving.costs.units import unit_days
from serving.http.dependencies import RecordDep
from serving.http.paging import Cursor, Limit, Page, page_of
from serving.http.routing import ADMIN, ANALYST, NOT_FOUND, find_project, keyed_router
from serving.monitoring.results.days import QueriedDays, checked_days
from serving.services import Provided

router = keyed_router("costs")

QueriedProject = Annotated[str, Query(description="Id of a project.")]
QueriedDay = Annotated[str | None, Query(description="A local day, `YYYY-MM-DD`.")]
QueriedMetric = Annotated[Metric, Query(description="Which amounts of AWS.")]


def _read(project_id: QueriedProject, caller: Caller, services: Provided, record: RecordDep) -> Project:
    caller.require("analyst", project_id)
    record.project_id = project_id
    return find_project(services.projects, project_id)


def _pulled(project_id: QueriedProject, caller: Caller, services: Provided, record: RecordDep) -> Project:
    caller.require("admin", project_id)
    record.project_id = project_id
    return find_project(services.projects, project_id)


ProjectRead = Annotated[Project, Depends(_read)]
ProjectPulled = Annotated[Project, Depends(_pulled)]


@router.get("/costs", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_costs(
    project: ProjectRead, services: Provided, days: QueriedDays, cursor: Cursor = None, limit: Limit = 100
) -> Page[CostDayView]:
    """Read what each local day has cost, by source and service."""
    return service.days(services, project, days, cursor, limit)


@router.get("/costs/units", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_unit_costs(
    project: ProjectRead,
    services: Provided,
    days: QueriedDays,
    metric: QueriedMetric = "unblended",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[UnitDayView]:
    """Read what a thousand predictions have cost on each local day, and each model."""
    names = service.page_of_days(services, project, days, cursor, limit)
    shown = unit_days(services, project, names[:limit], metric)
    return page_of(names, limit, position=lambda day: day, item=lambda day: shown[day], state=lambda: "not_pulled")


@router.get("/costs/forecast", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_forecast(
    project: ProjectRead,
    services: Provided,
    day: QueriedDay = None,
    metric: QueriedMetric = "unblended",
    confidence: Annotated[
        float, Query(gt=0, lt=1, description="Share of months that the interval is meant to hold.")
    ] = DEFAULT_CONFIDENCE,
) -> ForecastsView:
    """Read what the month comes to, as it looks at the end of a local day: yesterday, unless one is named."""
    checked_days(day, day)
    return service.forecast(services, project, day, metric, confidence)


@router.post("/costs/pull", responses=NOT_FOUND, openapi_extra=ADMIN)
def pull_costs(
    project: ProjectPulled,
    services: Provided,
    record: RecordDep,
    day: QueriedDay = None,
    start: QueriedDay = None,
    end: QueriedDay = None,
    *,
    overwrite: Annotated[bool, Query(description="Whether days whose figures are final are read again.")] = False,
) -> PullView:
    """Ask AWS Cost Explorer for one local day, or for those from `start` to `end`."""
    for name in (day, start, end):
        checked_days(name, name)
    view, outcome = service.pull(services, project, day, start, end, overwrite=overwrite)
    record.details["costs"] = {"start": view.start, "end": view.end, "state": view.state, "requests": outcome.requests}
    return view
