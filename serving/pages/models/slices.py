"""The page of a model's slices: which part of the rows is predicted worst."""

from fastapi import Request, Response

from guard_core.names import display_name
from ml.charts.sparklines import sparkline
from serving.http.routing import ANALYST, KnownModelId, ProjectToRead
from serving.monitoring.series.endpoints import ModelDep, SeriesDep
from serving.pages.models.periods import DEFAULT, PERIODS, QueriedPeriod, days_of
from serving.pages.models.sentences import is_apart, slices_sentence
from serving.pages.rendering import RendererDep
from serving.pages.routing import page_router

router = page_router()


@router.get("/projects/{project_id}/models/{model_id}/slices", openapi_extra=ANALYST)
def show_slices(
    request: Request,
    pages: RendererDep,
    project: ProjectToRead,
    model_id: KnownModelId,
    models: ModelDep,
    history: SeriesDep,
    period: QueriedPeriod = DEFAULT,
) -> Response:
    """Show the primary metric of each slice, the worst first."""
    model = models.summary(project, model_id)
    slices = history.slices(project.id, model_id, days_of(period, model.last_day))
    return pages.page(
        request,
        "models/slices.html",
        model=model,
        period=period,
        periods=PERIODS,
        headline=slices_sentence(model_id, slices),
        slices=slices,
        sparkline=sparkline,
        is_apart=is_apart,
        display_name=display_name,
    )
