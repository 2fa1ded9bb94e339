"""The sentences at the top of a model's pages, which answer what the page is about."""

from guard_core.formats import count, day, fixed
from guard_core.names import display_name
from ml.charts.timelines import TEXTS
from ml.retraining.rule import LESS_IS_BETTER
from serving.monitoring.series.schemas import DriftMatrix, MatrixColumn, MetricSummary, ModelSummary, SlicesSeries

IMPORTANT = 0.1
"""Share of the highest importance from which a feature is important."""
_MOST_NAMES = 3
_JUDGED = frozenset({"drift", "warning", "stable"})


def model_sentence(model: ModelSummary) -> str:
    """Return what is wrong with a model, or that no alert is open, with its newest metric or verdict.

    An open alert decides: it holds on several days, and its thresholds are those of the project.
    """
    name = model.model_id
    by_kind = {alert.kind: alert for alert in reversed(model.alerts)}
    if "performance" in by_kind:
        return f"{name} predicts worse than in its baseline{_against(model)}"
    if "drift" in by_kind:
        return f"The data of {name} has moved since its baseline{_drifted(model)}"
    if model.alerts:
        return f"{name} needs attention: {model.alerts[0].summary.rstrip('.')}"
    if model.baseline is None:
        return f"{name} has no baseline yet"
    shortfall = _shortfall(model)
    return f"{name}: no alert is open; {shortfall or _newest_result(model)}"


def uncertainty_sentence(column: MatrixColumn) -> str | None:
    """Return what it takes to judge a column whose newest verdict is not possible; None if there is one."""
    newest = next((index for index in reversed(range(len(column.verdicts))) if column.verdicts[index]), None)
    if newest is None or column.verdicts[newest] != "insufficient_data":
        return None
    if column.required_days[newest] is None:
        return f"no number of days is enough with this baseline: {column.reason}"
    return wanting_days(column, newest)


def wanting_days(column: MatrixColumn, index: int) -> str | None:
    """Return how many days a verdict takes that a day does not have, and how many of them are missing; None if it has one."""
    required, more = column.required_days[index], column.more_days[index]
    if required is None or more is None:
        return None
    return f"a verdict takes {count(required, 'day')} like these, {more:,} more"


def uncertain_columns(matrix: DriftMatrix) -> list[tuple[str, str]]:
    """Return the columns whose newest verdict is not possible, each with what it takes."""
    sentences = [(column.name, uncertainty_sentence(column)) for column in matrix.columns]
    return [(name, sentence) for name, sentence in sentences if sentence is not None]


def importance_sentence(matrix: DriftMatrix) -> str | None:
    """Return which important features drift on the newest judged day; None if no importance was measured."""
    if matrix.judged_day is None or all(column.importance is None for column in matrix.columns):
        return None
    names, on = important_and_drifting(matrix), f"on {day(matrix.judged_day)}"
    unjudged = sum(state_on(column, matrix) not in _JUDGED for column in matrix.columns if is_important(column))
    rest = f"; {unjudged} cannot be told" if unjudged else ""
    if not names:
        return f"No important feature drifts {on}{rest}"
    verb = "drifts" if len(names) == 1 else "drift"
    return f"{count(len(names), 'important feature')} {verb} {on}: {', '.join(names)}{rest}"


def is_important(column: MatrixColumn) -> bool:
    """Return whether the champion depends on a feature by a tenth at least of what it depends on the most important one."""
    return column.importance is not None and column.importance >= IMPORTANT


def important_and_drifting(matrix: DriftMatrix) -> list[str]:
    """Return the important features that drift on the newest judged day, the most important first."""
    return [column.name for column in matrix.columns if is_important(column) and state_on(column, matrix) == "drift"]


def without_ratio(matrix: DriftMatrix) -> list[str]:
    """Return the features whose importance is known, but which have no effect to compare with a drift threshold on that day."""
    return [column.name for column in matrix.columns if column.importance is not None and column.ratio is None]


def state_on(column: MatrixColumn, matrix: DriftMatrix) -> str:
    """Return the verdict on a column on the newest judged day; `not_judged` without one."""
    if matrix.judged_day is None:
        return "not_judged"
    return column.verdicts[matrix.days.index(matrix.judged_day)] or "not_judged"


def slices_sentence(model_id: str, slices: SlicesSeries) -> str:
    """Return which slice is predicted worst, or that none is surely worse than the whole."""
    if slices.metric is None or slices.whole is None:
        return f"{model_id} has no labelled days in this range"
    whole, measured = slices.whole, [item for item in slices.slices if item.mean is not None]
    if not measured:
        return f"{model_id} has no slice with labels in this range"
    worst, name = measured[0], display_name(slices.metric)
    figures = f"{name} {fixed(worst.mean)} against {fixed(whole.mean)} of all rows"
    if is_apart(worst.low, worst.high, whole.low, whole.high):
        return f"{model_id} predicts worst for {worst.dimension.replace('_', ' ')} {worst.value}: {figures}"
    return f"No slice of {model_id} is surely worse than all rows together"


def is_apart(low: float | None, high: float | None, other_low: float | None, other_high: float | None) -> bool:
    """Return whether two intervals do not overlap."""
    if low is None or high is None or other_low is None or other_high is None:
        return False
    return high < other_low or other_high < low


def _newest_result(model: ModelSummary) -> str:
    if model.metric is not None:
        return _figures(model.metric)
    if model.verdict is None or model.verdict_day is None:
        return "not judged yet"
    return f"{TEXTS[model.verdict]} on {day(model.verdict_day)}"


def _against(model: ModelSummary) -> str:
    return "" if model.metric is None else f": {_figures(model.metric)}"


def _figures(metric: MetricSummary) -> str:
    text = f"{display_name(metric.name)} {fixed(metric.value)}"
    return text if metric.baseline is None else f"{text} against {fixed(metric.baseline)}"


def _shortfall(model: ModelSummary) -> str | None:
    """Return by how much the newest metric is worse than the baseline; None if its interval includes the baseline."""
    metric = model.metric
    if metric is None or metric.baseline is None:
        return None
    figures = f"{display_name(metric.name)} {fixed(metric.value)}"
    if metric.name in LESS_IS_BETTER:
        return f"{figures} is above its baseline {fixed(metric.baseline)}" if metric.low > metric.baseline else None
    return f"{figures} is below its baseline {fixed(metric.baseline)}" if metric.high < metric.baseline else None


def _drifted(model: ModelSummary) -> str:
    if not model.drifted:
        return ""
    names = ", ".join(model.drifted[:_MOST_NAMES])
    more = len(model.drifted) - _MOST_NAMES
    return f": {names}{f' and {more} more' if more > 0 else ''} on {day(model.verdict_day)}"
