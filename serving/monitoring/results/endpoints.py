"""Result routes, for analysts: models, day states, rejections, metrics, profiles, drift and performance."""

from typing import Annotated, Literal

from fastapi import Depends, Query

from serving.http.dependencies import part
from serving.http.paging import Cursor, Limit, Page
from serving.http.routing import ANALYST, NOT_FOUND, KnownModelId, ProjectToRead, keyed_router
from serving.monitoring.results.days import QueriedDays, checked_day
from serving.monitoring.results.schemas import (
    DayStateView,
    DriftView,
    MetricsView,
    ModelView,
    PerformanceView,
    ProfileView,
    RejectionsView,
)
from serving.monitoring.results.service import ResultsService, SliceKey, slice_key_of

router = keyed_router("results")
Results = Annotated[ResultsService, Depends(part(ResultsService))]
_PROJECT = "/projects/{project_id}"
_MODEL = _PROJECT + "/models/{model_id}"


def _queried_slice(
    dimension: Annotated[
        Literal["endpoint", "model_version", "segment"] | None, Query(description="By default, the whole day.")
    ] = None,
    value: Annotated[str | None, Query(description="The endpoint, model version or segment.")] = None,
) -> SliceKey:
    return slice_key_of(dimension, value)


QueriedSlice = Annotated[SliceKey, Depends(_queried_slice)]


@router.get(_PROJECT + "/models", responses=NOT_FOUND, openapi_extra=ANALYST)
def list_models(project: ProjectToRead, results: Results, cursor: Cursor = None, limit: Limit = 100) -> Page[ModelView]:
    """List the models that have events, ordered by id."""
    return results.models(project, cursor, limit)


@router.get(_PROJECT + "/rejections", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_rejections(
    project: ProjectToRead, results: Results, days: QueriedDays, cursor: Cursor = None, limit: Limit = 100
) -> Page[RejectionsView]:
    """Read the counts of rejected rows, by local day of arrival, model and field."""
    return results.rejections(project, days, cursor, limit)


@router.get(_MODEL + "/days", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_day_states(
    project: ProjectToRead,
    model_id: KnownModelId,
    results: Results,
    days: QueriedDays,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[DayStateView]:
    """Read the state of each local day: what it has received, and how far it is processed."""
    return results.day_states(project, model_id, days, cursor, limit)


@router.get(_MODEL + "/metrics", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_metrics(
    project: ProjectToRead,
    model_id: KnownModelId,
    results: Results,
    days: QueriedDays,
    slice_key: QueriedSlice,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[MetricsView]:
    """Read the metrics of each local day."""
    return results.metrics(project, model_id, days, slice_key, cursor, limit)


@router.get(_MODEL + "/slices", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_slices(
    project: ProjectToRead,
    model_id: KnownModelId,
    results: Results,
    day: Annotated[str, Query(description="Local day, `YYYY-MM-DD`.")],
) -> Page[MetricsView]:
    """Read the metrics of one day for every endpoint, model version and segment."""
    return results.slices(project, model_id, checked_day("day", day))


@router.get(_MODEL + "/profiles", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_profiles(
    project: ProjectToRead,
    model_id: KnownModelId,
    results: Results,
    days: QueriedDays,
    slice_key: QueriedSlice,
    *,
    detail: Annotated[
        bool, Query(description="Include whole distributions: counts at all knots, and all categories of the profile.")
    ] = False,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Items of a page at most.")] = 31,
) -> Page[ProfileView]:
    """Read the profiles of each local day, from which drift is computed."""
    return results.profiles(project, model_id, days, slice_key, cursor, limit, detail=detail)


@router.get(_MODEL + "/drift", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_drift(
    project: ProjectToRead,
    model_id: KnownModelId,
    results: Results,
    days: QueriedDays,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[DriftView]:
    """Read the drift report of each local day."""
    return results.drift(project, model_id, days, cursor, limit)


@router.get(_MODEL + "/performance", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_performance(
    project: ProjectToRead,
    model_id: KnownModelId,
    results: Results,
    days: QueriedDays,
    slice_key: QueriedSlice,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[PerformanceView]:
    """Read the performance of each local day: realised, estimated, and the difference of the two."""
    return results.performance(project, model_id, days, slice_key, cursor, limit)
