"""Routes of results: read by analysts."""

from typing import Annotated, Literal

from fastapi import Depends, Query

from serving.http.paging import Cursor, Limit, Page
from serving.http.routing import ANALYST, NOT_FOUND, ModelId, ProjectToRead, keyed_router
from serving.monitoring.results import service
from serving.monitoring.results.days import QueriedDays, checked_days
from serving.monitoring.results.schemas import (
    DriftView,
    MetricsView,
    ModelView,
    NewsView,
    PerformanceView,
    ProfileView,
    RejectionsView,
)
from serving.services import Provided

router = keyed_router("results")
_PROJECT = "/projects/{project_id}"
_MODEL = _PROJECT + "/models/{model_id}"


def _queried_slice(
    dimension: Annotated[
        Literal["endpoint", "model_version", "segment"] | None, Query(description="Without it: the whole day.")
    ] = None,
    value: Annotated[str | None, Query(description="The endpoint, model version or segment.")] = None,
) -> service.SliceKey:
    return service.slice_key_of(dimension, value)


QueriedSlice = Annotated[service.SliceKey, Depends(_queried_slice)]


@router.get(_PROJECT + "/models", responses=NOT_FOUND, openapi_extra=ANALYST)
def list_models(
    project: ProjectToRead, services: Provided, cursor: Cursor = None, limit: Limit = 100
) -> Page[ModelView]:
    """List the models that have events, by id."""
    return service.models(services, project, cursor, limit)


@router.get(_PROJECT + "/rejections", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_rejections(
    project: ProjectToRead, services: Provided, days: QueriedDays, cursor: Cursor = None, limit: Limit = 100
) -> Page[RejectionsView]:
    """Read how many rows were turned away, by local day of arrival, model and field."""
    return service.rejections(services, project, days, cursor, limit)


@router.get(_MODEL + "/news", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_news(
    project: ProjectToRead,
    model_id: ModelId,
    services: Provided,
    days: QueriedDays,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[NewsView]:
    """Read what each local day has received, and how far it is processed."""
    return service.news(services, project, model_id, days, cursor, limit)


@router.get(_MODEL + "/metrics", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_metrics(
    project: ProjectToRead,
    model_id: ModelId,
    services: Provided,
    days: QueriedDays,
    slice_key: QueriedSlice,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[MetricsView]:
    """Read each local day's metrics."""
    return service.metrics(services, project, model_id, days, slice_key, cursor, limit)


@router.get(_MODEL + "/slices", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_slices(
    project: ProjectToRead,
    model_id: ModelId,
    services: Provided,
    day: Annotated[str, Query(description="Local day, `YYYY-MM-DD`.")],
) -> Page[MetricsView]:
    """Read one day's metrics of every endpoint, model version and segment."""
    return service.slices(services, project, model_id, checked_days(day, day).start)


@router.get(_MODEL + "/profiles", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_profiles(
    project: ProjectToRead,
    model_id: ModelId,
    services: Provided,
    days: QueriedDays,
    slice_key: QueriedSlice,
    *,
    detail: Annotated[
        bool, Query(description="Whole distributions: counts at all knots, all kept categories.")
    ] = False,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Items of a page at most.")] = 31,
) -> Page[ProfileView]:
    """Read each local day's profiles: what drift is judged from."""
    return service.profiles(services, project, model_id, days, slice_key, cursor, limit, detail=detail)


@router.get(_MODEL + "/drift", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_drift(
    project: ProjectToRead,
    model_id: ModelId,
    services: Provided,
    days: QueriedDays,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[DriftView]:
    """Read each local day's drift report."""
    return service.drift(services, project, model_id, days, cursor, limit)


@router.get(_MODEL + "/performance", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_performance(
    project: ProjectToRead,
    model_id: ModelId,
    services: Provided,
    days: QueriedDays,
    slice_key: QueriedSlice,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[PerformanceView]:
    """Read how good each local day's predictions were: realised, estimated, and how far the two are apart."""
    return service.performance(services, project, model_id, days, slice_key, cursor, limit)
