"""The page of a model's slices: which part of the rows is predicted worst."""

from collections.abc import Callable

from fastapi import Request, Response
from markupsafe import Markup

from guard_core.names import display_name
from ml.charts.lines import Line, LineChart
from ml.charts.sparklines import sparkline
from serving.http.routing import ANALYST, KnownModelId, ProjectToRead
from serving.monitoring.series.endpoints import ModelDep, SeriesDep
from serving.monitoring.series.schemas import SlicesSeries
from serving.pages import addresses
from serving.pages.models.periods import DEFAULT, PERIODS, QueriedPeriod, days_of
from serving.pages.models.sentences import is_apart, slices_sentence
from serving.pages.rendering import RendererDep
from serving.pages.routing import page_router

_CHARTS = 6

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
        charts=charts_over_time(slices, addresses.model_days(project.id, model_id)),
        sparkline=sparkline,
        is_apart=is_apart,
        display_name=display_name,
    )


def charts_over_time(slices: SlicesSeries, href: Callable[[str], str]) -> dict[str, Markup]:
    """Return a chart of each of the worst slices by name: its metric with its interval by day, over that of all rows."""
    if slices.whole is None or slices.metric is None:
        return {}
    whole = Line("all rows", "estimated", slices.whole.by_day.values)
    charts = {}
    for item in slices.slices[:_CHARTS]:
        name = f"{item.dimension.replace('_', ' ')} {item.value}"
        days = item.by_day
        lines = [whole, Line(name, "realised", days.values, days.low, days.high)]
        label = f"{display_name(slices.metric)} of {name} by day"
        charts[name] = LineChart(label, slices.days, lines, href=href, height=140.0).draw()
    return charts
