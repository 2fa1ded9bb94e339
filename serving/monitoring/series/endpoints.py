"""Routes of a model's history, for analysts."""

from typing import Annotated

from fastapi import Depends, Query

from serving.http.dependencies import part
from serving.http.routing import ANALYST, NOT_FOUND, KnownModelId, ProjectToRead, keyed_router
from serving.monitoring.results.days import QueriedDays
from serving.monitoring.series.model_service import ModelService
from serving.monitoring.series.schemas import DriftMatrix, ModelSummary, Series, SlicesSeries, Timeline
from serving.monitoring.series.service import SeriesService

router = keyed_router("results")
SeriesDep = Annotated[SeriesService, Depends(part(SeriesService))]
ModelDep = Annotated[ModelService, Depends(part(ModelService))]
QueriedWindow = Annotated[
    int, Query(ge=1, le=90, description="Days with events over which the primary metric is averaged, weighted by rows.")
]
_MODEL = "/projects/{project_id}/models/{model_id}"


@router.get(_MODEL, responses=NOT_FOUND, openapi_extra=ANALYST)
def read_model(project: ProjectToRead, model_id: KnownModelId, models: ModelDep) -> ModelSummary:
    """Read a model as it is now: champion, challenger, baseline, newest metric and verdict, open alerts."""
    return models.summary(project, model_id)


@router.get(_MODEL + "/drift/matrix", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_drift_matrix(
    project: ProjectToRead, model_id: KnownModelId, series: SeriesDep, days: QueriedDays
) -> DriftMatrix:
    """Read the verdicts by column and day, with the importance of each column."""
    return series.matrix(project.id, model_id, days)


@router.get(_MODEL + "/series", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_series(
    project: ProjectToRead, model_id: KnownModelId, series: SeriesDep, days: QueriedDays, window: QueriedWindow = 1
) -> Series:
    """Read volume, latency, rates and the primary metric, realised and estimated, one list each."""
    return series.series(project.id, model_id, days, window)


@router.get(_MODEL + "/timeline", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_timeline(project: ProjectToRead, model_id: KnownModelId, models: ModelDep, days: QueriedDays) -> Timeline:
    """Read what happened to a model: baselines, decisions about versions, retrain flags, alerts."""
    return models.timeline(project, model_id, days)


@router.get(_MODEL + "/slices/series", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_slices_series(
    project: ProjectToRead, model_id: KnownModelId, series: SeriesDep, days: QueriedDays
) -> SlicesSeries:
    """Read the primary metric of each slice over the labelled days, the worst first."""
    return series.slices(project.id, model_id, days)
