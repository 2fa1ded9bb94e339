"""The page of one column: what moved, when, and how far; where a cell of a model's timeline links to."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response
from markupsafe import Markup

from guard_core.columns import feature_column
from guard_core.formats import number, percent
from guard_core.names import display_name
from ml.charts.distributions import category_bars, histogram
from ml.charts.lines import Line, LineChart
from ml.charts.timelines import TimelineRow, timeline
from serving.http.routing import ANALYST, KnownModelId, ProjectToRead
from serving.monitoring.features.endpoints import FeatureName, FeaturesDep, HistoryBounds
from serving.monitoring.features.schemas import FeatureView
from serving.monitoring.features.service import history_days
from serving.monitoring.results.days import checked_day
from serving.monitoring.series.endpoints import SeriesDep
from serving.pages import addresses
from serving.pages.models.day_sentences import feature_sentence
from serving.pages.models.neighbours import day_after, day_before
from serving.pages.rendering import RendererDep
from serving.pages.routing import page_router

router = page_router()


@router.get("/projects/{project_id}/models/{model_id}/features/{feature:path}", openapi_extra=ANALYST)
def show_feature(
    request: Request,
    project: ProjectToRead,
    model_id: KnownModelId,
    feature: FeatureName,
    features: FeaturesDep,
    series: SeriesDep,
    pages: RendererDep,
    *,
    bounds: HistoryBounds,
    day: Annotated[str | None, Query(description="By default, the newest day with a drift report.")] = None,
) -> Response:
    """Show one column on a day, and over time."""
    chosen = checked_day("day", day) if day else features.newest_day(project.id, model_id)
    if chosen is None:
        return pages.page(request, "models/no_report.html", project_id=project.id, model_id=model_id, subject=feature)
    view = features.read(project, model_id, chosen, feature, history_days(chosen, *bounds))
    address = partial(addresses.model, project.id, model_id, "features", feature, start=bounds[0], end=bounds[1])
    prefix = address(day="")  # quoted once for all marks of the charts

    def of_day(day: str) -> str:
        return f"{prefix}{day}"

    return pages.page(
        request,
        "models/feature.html",
        project_id=project.id,
        model_id=model_id,
        view=view,
        sentence=feature_sentence(view),
        importance=importance_note(series.importance(project.id, model_id), feature),
        distribution=_distribution(view),
        effects=_effects(view, of_day),
        has_noise=any(value is not None for value in _of_method(view, view.history.noise_bounds)),
        verdicts=_verdicts(view, of_day),
        shares=_shares(view, of_day),
        before=address(day=day_before(chosen)),
        after=address(day=day_after(chosen)),
        display_name=display_name,
    )


def importance_note(importance: Mapping[str, float], feature: str) -> str | None:
    """Return how important a feature is to the champion; None if that was not measured.

    >>> importance_note({"feature_age": 0.02, "feature_plan": 0.08, "feature_id": 0.0}, "age")
    '25 % of the most important feature, 2 of 3'
    """
    own, most = importance.get(feature_column(feature)), max(importance.values(), default=0.0)
    if own is None or not most:
        return None
    rank = 1 + sum(value > own for value in importance.values())
    return f"{percent(own / most)} of the most important feature, {rank} of {len(importance)}"


def _distribution(view: FeatureView) -> Markup:
    label = f"Distribution of {view.feature} in the baseline and in the window"
    if view.histogram is not None:
        edges, window = view.histogram.edges, view.histogram.window
        before = _as_shares(view.histogram.baseline)
        return histogram(label, edges, before, _as_shares(window or [0.0] * len(before)), open_ended=True)
    if view.categories is None:
        return Markup("")
    counts = view.categories
    names = [*counts.names, "(other values)", "(unseen values)"]
    before = _as_shares([*counts.baseline, counts.baseline_other, 0])
    now = _as_shares([*counts.window, counts.window_other, counts.unseen])
    shown = [index for index, pair in enumerate(zip(before, now, strict=True)) if any(pair)]
    return category_bars(
        label, [names[index] for index in shown], [before[index] for index in shown], [now[index] for index in shown]
    )


def _effects(view: FeatureView, href: Callable[[str], str]) -> Markup:
    """Draw the effect of the days that the method of this day has judged: effects of methods cannot be compared."""
    verdict = view.verdict
    if verdict is None or verdict.method is None:
        return Markup("")
    limits = {"drift": verdict.drift_threshold, "warning": verdict.warning_threshold}
    return LineChart(
        label=f"{display_name(verdict.method)} of {view.feature} by day",
        days=view.history.days,
        lines=[
            Line("chance alone stays below", "noise", _of_method(view, view.history.noise_bounds), sets_axis=False),
            Line(display_name(verdict.method), "effect", _of_method(view, view.history.effects)),
        ],
        thresholds={f"{name} {number(value)}": value for name, value in limits.items() if value is not None},
        href=href,
        from_zero=True,
    ).draw()


def _of_method(view: FeatureView, values: list[float | None]) -> list[float | None]:
    """Return the values of the days that the method of this day has judged."""
    method = view.verdict.method if view.verdict is not None else None
    judged = zip(view.history.methods, values, strict=True)
    return [value if method is not None and by == method else None for by, value in judged]


def _verdicts(view: FeatureView, href: Callable[[str], str]) -> Markup:
    row = TimelineRow("verdict", view.history.verdicts)
    label = f"Verdicts on {view.feature} by day"
    return timeline(label, view.history.days, [row], lambda day, _: href(day), names_width=48.0)


def _shares(view: FeatureView, href: Callable[[str], str]) -> Markup:
    history = view.history
    lines = [
        Line(name, css, values)
        for name, css, values in (
            ("missing", "part-3", history.missing_shares),
            ("unseen", "part-0", history.unseen_shares),
        )
        if any(value is not None for value in values)
    ]
    return LineChart(
        label=f"Missing and unseen values of {view.feature} by day",
        days=history.days if lines else [],
        lines=lines,
        href=href,
        text=percent,
        height=140.0,
        from_zero=True,
    ).draw()


def _as_shares(counts: list[float] | list[int]) -> list[float]:
    total = sum(counts)
    return [value / total if total else 0.0 for value in counts]
