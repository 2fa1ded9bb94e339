"""The numbers behind each chart of a model as JSON, for people who are signed in; programs use the routes below `/api/v1`."""

from serving.http.routing import ANALYST, KnownModelId, ProjectToRead
from serving.monitoring.results.days import QueriedDays
from serving.monitoring.series.endpoints import ModelDep, QueriedWindow, SeriesDep
from serving.monitoring.series.schemas import DriftMatrix, Series, SlicesSeries, Timeline
from serving.pages.routing import page_router

router = page_router()
_DATA = "/projects/{project_id}/models/{model_id}/data"


@router.get(_DATA + "/matrix", openapi_extra=ANALYST)
def show_matrix(project: ProjectToRead, model_id: KnownModelId, history: SeriesDep, days: QueriedDays) -> DriftMatrix:
    """Show the verdicts by column and day."""
    return history.matrix(project.id, model_id, days)


@router.get(_DATA + "/series", openapi_extra=ANALYST)
def show_series(
    project: ProjectToRead, model_id: KnownModelId, history: SeriesDep, days: QueriedDays, window: QueriedWindow = 1
) -> Series:
    """Show volume, latency, rates and the primary metric by day."""
    return history.series(project.id, model_id, days, window)


@router.get(_DATA + "/timeline", openapi_extra=ANALYST)
def show_timeline(project: ProjectToRead, model_id: KnownModelId, models: ModelDep, days: QueriedDays) -> Timeline:
    """Show what happened to the model."""
    return models.timeline(project, model_id, days)


@router.get(_DATA + "/slices", openapi_extra=ANALYST)
def show_slices_series(
    project: ProjectToRead, model_id: KnownModelId, history: SeriesDep, days: QueriedDays
) -> SlicesSeries:
    """Show the primary metric of each slice by day."""
    return history.slices(project.id, model_id, days)
