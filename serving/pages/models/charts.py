"""A model's history to charts: which lines, marks and links each has; drawing is `ml.charts`."""

from collections.abc import Callable

from markupsafe import Markup

from guard_core.formats import compact, milliseconds, percent
from guard_core.names import display_name
from ml.charts.bars import Bars, bar_chart
from ml.charts.lines import DayMark, Line, LineChart
from ml.charts.scatters import ScatterPoint, scatter
from ml.charts.timelines import TimelineRow, timeline
from serving.monitoring.series.schemas import DriftMatrix, Mark, MatrixColumn, ModelSummary, Series, Timeline
from serving.pages import addresses
from serving.pages.models.sentences import important_and_drifting, state_on, wanting_days

_HALF = 600.0
_VERSION_KINDS = frozenset({"promoted", "rejected", "rolled_back"})


def performance_chart(model: ModelSummary, series: Series, history: Timeline) -> Markup:
    """Return the primary metric by day, with versions and baselines as marks; without any value, nothing."""
    lines = [
        Line("baseline", "baseline", series.baseline),
        Line("estimated", "estimated", series.estimated.values, series.estimated.low, series.estimated.high),
        Line("realised", "realised", series.realised.values, series.realised.low, series.realised.high),
    ]
    if series.metric is None or not any(value is not None for line in lines[1:] for value in line.values):
        return Markup("")
    label = f"{display_name(series.metric)} of {model.model_id} by day"
    return LineChart(
        label, series.days, lines, _version_marks(model, history), href=_day_link(model), height=240.0
    ).draw()


def verdict_chart(model: ModelSummary, matrix: DriftMatrix) -> Markup:
    """Return the verdicts by column and day."""
    key = model.project_id, model.model_id
    rows = [
        TimelineRow(
            column.name,
            column.verdicts,
            addresses.model(*key, "features", column.name),
            column.importance,
            column.shades,
            [_note(column, index) for index in range(len(column.verdicts))],
        )
        for column in matrix.columns
    ]
    link = _day_link(model)
    return timeline(f"Verdicts on the columns of {model.model_id} by day", matrix.days, rows, lambda day, _: link(day))


def importance_chart(model: ModelSummary, matrix: DriftMatrix) -> Markup:
    """Return the effect on the newest judged day by importance in the champion; without a feature that has both, nothing."""
    key = model.project_id, model.model_id
    labelled = set(important_and_drifting(matrix))
    points = [
        ScatterPoint(
            column.name,
            column.importance,
            column.ratio,
            state_on(column, matrix),
            f"{state_on(column, matrix).replace('_', ' ')}, effect {percent(column.ratio)} of the threshold,"
            f" importance {percent(column.importance)} of the highest",
            addresses.model(*key, "features", column.name, day=matrix.judged_day),
            column.name in labelled,
        )
        for column in matrix.columns
        if column.importance is not None and column.ratio is not None
    ]
    label = f"Effect of the features of {model.model_id} by importance"
    return scatter(label, points, "importance in the champion, of the highest", "effect over threshold")


def volume_chart(model: ModelSummary, series: Series) -> Markup:
    """Return events and rejected rows by day."""
    parts = [Bars("events", "part-0", series.events), Bars("rejected", "part-4", series.rejected)]
    return bar_chart(
        f"Events of {model.model_id} by day", series.days, parts, text=compact, href=_day_link(model), width=_HALF
    )


def latency_chart(model: ModelSummary, series: Series) -> Markup:
    """Return the median and the 95th percentile of the latency by day."""
    lines = [Line("p50", "part-0", series.latency_p50), Line("p95", "part-3", series.latency_p95)]
    return _lines(f"Latency of {model.model_id} by day", model, series, lines, milliseconds)


def rate_chart(model: ModelSummary, series: Series) -> Markup:
    """Return the share of the positive label among predictions and among labels by day."""
    lines = [Line("predicted", "part-0", series.predicted_rate), Line("labelled", "part-3", series.label_rate)]
    return _lines(f"Positive rate of {model.model_id} by day", model, series, lines, percent)


def _lines(label: str, model: ModelSummary, series: Series, lines: list[Line], text: Callable[[float], str]) -> Markup:
    if not any(value is not None for line in lines for value in line.values):
        return Markup("")
    return LineChart(
        label, series.days, lines, href=_day_link(model), text=text, width=_HALF, height=160.0, from_zero=True
    ).draw()


def _version_marks(model: ModelSummary, history: Timeline) -> list[DayMark]:
    key = model.project_id, model.model_id
    versions = [mark for mark in history.marks if mark.kind in _VERSION_KINDS]
    baselines = {mark.day: mark for mark in history.marks if mark.kind == "baseline"}
    marks = []
    for mark in versions:
        baseline = baselines.pop(mark.day, None)  # of the training's window: one line for both
        more = "" if baseline is None else f"; baseline {baseline.name}: {baseline.text}"
        title = f"v{mark.name} {mark.kind.replace('_', ' ')}: {mark.text}{more}"
        marks.append(
            DayMark(mark.day, _version_text(mark), mark.kind, title, addresses.model(*key, "versions", mark.name))
        )
    return marks + [
        DayMark(mark.day, f"b{mark.name}", "baseline", f"baseline {mark.name}: {mark.text}")
        for mark in baselines.values()
    ]


def _version_text(mark: Mark) -> str:
    return f"v{mark.name} ✕" if mark.kind == "rejected" else f"v{mark.name}"


def _note(column: MatrixColumn, index: int) -> str | None:
    shade = column.shades[index]
    effect = None if shade is None else f"effect {percent(shade)} of the threshold"
    return ", ".join(filter(None, (effect, wanting_days(column, index)))) or None


def _day_link(model: ModelSummary) -> Callable[[str], str]:
    return addresses.model_days(model.project_id, model.model_id)
