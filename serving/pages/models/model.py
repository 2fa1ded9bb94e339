"""The page of a model: how good it is, what has moved, how much it has received."""

from fastapi import Request, Response

from guard_core.names import display_name
from guard_store.retraining.reasons import reason_text
from serving.http.routing import ANALYST, KnownModelId, ProjectToRead
from serving.monitoring.baselines.endpoints import Baselines
from serving.monitoring.series.endpoints import ModelDep, SeriesDep
from serving.pages.models import charts
from serving.pages.models.periods import DEFAULT, PERIODS, QueriedPeriod, days_of, window_of
from serving.pages.models.sentences import (
    IMPORTANT,
    importance_sentence,
    is_apart,
    model_sentence,
    uncertain_columns,
    without_ratio,
)
from serving.pages.rendering import RendererDep
from serving.pages.routing import page_router
from serving.retraining.flags.endpoints import Flags

router = page_router()
_NEWEST_LABELLED = 28
_WORST = 5
_BASELINES = 20
_ACTIVE = ("open", "training")


@router.get("/projects/{project_id}/models/{model_id}", openapi_extra=ANALYST)
def show_model(
    request: Request,
    pages: RendererDep,
    project: ProjectToRead,
    model_id: KnownModelId,
    models: ModelDep,
    history: SeriesDep,
    flags: Flags,
    baselines: Baselines,
    *,
    period: QueriedPeriod = DEFAULT,
) -> Response:
    """Show a model."""
    model = models.summary(project, model_id)
    days = days_of(period, model.last_day)
    matrix = history.matrix(project.id, model_id, days)
    window = window_of(matrix.days)
    series = history.series(project.id, model_id, days, window)
    timeline = models.timeline(project, model_id, days)
    labelled = history.newest_labelled(project.id, model_id, _NEWEST_LABELLED)
    slices = None if labelled is None else history.slices(project.id, model_id, labelled)
    return pages.page(
        request,
        "models/model.html",
        model=model,
        flag=next((flag for flag in flags.newest(project.id, model_id, 1).items if flag.state in _ACTIVE), None),
        baselines=baselines.versions(project.id, model_id, None, _BASELINES).items,
        reason_text=reason_text,
        period=period,
        periods=PERIODS,
        headline=model_sentence(model),
        series=series,
        window=window,
        uncertain=uncertain_columns(matrix),
        performance=charts.performance_chart(model, series, timeline),
        verdicts=charts.verdict_chart(model, matrix),
        matrix_day=matrix.judged_day,
        importance=charts.importance_chart(model, matrix),
        importance_sentence=importance_sentence(matrix),
        important=IMPORTANT,
        without_ratio=without_ratio(matrix),
        volume=charts.volume_chart(model, series),
        latency=charts.latency_chart(model, series),
        rates=charts.rate_chart(model, series),
        labelled=labelled,
        slices=slices,
        worst=[] if slices is None else slices.slices[:_WORST],
        is_apart=is_apart,
        display_name=display_name,
    )
