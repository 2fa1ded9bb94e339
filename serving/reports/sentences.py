"""The sentence that a monthly report begins with: what the reader needs who reads nothing else."""

from collections.abc import Sequence
from datetime import date

from guard_core.names import display_name
from serving.monitoring.series.schemas import Mark
from serving.reports.schemas import DriftSummary, PerformanceReport, UndoneReport, VolumeReport

_MOST_NAMES = 3


def month_name(month: str) -> str:
    """Return a month as people read it.

    >>> month_name("2013-05")
    'May 2013'
    """
    return f"{date.fromisoformat(f'{month}-01'):%B %Y}"


def report_sentence(
    model_id: str,
    month: str,
    volume: VolumeReport,
    performance: PerformanceReport | None,
    drift: DriftSummary,
    versions: Sequence[Mark],
    undone: UndoneReport,
) -> str:
    """Return whether the model predicted as well as in its baseline, what drifted, what was promoted, and what is missing."""
    name = month_name(month)
    if not volume.events:
        return f"{model_id} has no events in {name}"
    parts = [
        _performance_part(model_id, name, volume, performance),
        _drift_part(drift),
        _versions_part(versions),
        f"{_days(len(undone.days))} not processed" if undone.days else "",
    ]
    return "; ".join(part for part in parts if part)


def _performance_part(model_id: str, month: str, volume: VolumeReport, performance: PerformanceReport | None) -> str:
    if performance is None:
        return f"{model_id} received {volume.events:,} {'event' if volume.events == 1 else 'events'} in {month}"
    metric = display_name(performance.metric)
    if performance.realised is None:
        estimate = performance.estimated
        estimated = "" if estimate is None else f", its estimated {metric} is {estimate.value:.3f}"
        return f"{model_id} has no labels for {month} yet{estimated}"
    value = performance.realised
    text = f"{metric} {value.value:.3f} ({value.low:.3f} to {value.high:.3f})"
    if performance.baseline is None:
        return f"{model_id} predicted with {text} in {month}"
    return f"{model_id} predicted {_comparison(performance)} in {month}: {text} against {performance.baseline:.3f}"


def _comparison(performance: PerformanceReport) -> str:
    value, baseline = performance.realised, performance.baseline
    assert value is not None and baseline is not None  # noqa: S101, PT018 - the caller checks both
    is_below, is_above = value.high < baseline, value.low > baseline
    if not (is_below or is_above):
        return "as well as in its baseline"
    return "better than in its baseline" if is_above != performance.less_is_better else "worse than in its baseline"


def _drift_part(drift: DriftSummary) -> str:
    drifted = [column for column in drift.columns if column.drift_days]
    if drifted:
        named = [f"{column.name} ({_days(column.drift_days)})" for column in drifted[:_MOST_NAMES]]
        others = len(drifted) - len(named)
        if others:
            named.append(f"{others} other {'column' if others == 1 else 'columns'}")
        *before, last = named
        return f"{', '.join(before)} and {last} drifted" if before else f"{last} drifted"
    if set(drift.days_by_verdict) == {"missing_baseline"}:
        return "there was no baseline to compare with"
    judged = sum(drift.days_by_verdict.get(state, 0) for state in ("stable", "warning"))
    return "no column drifted" if judged else ""


def _versions_part(versions: Sequence[Mark]) -> str:
    promoted = [f"version {mark.name}" for mark in versions if mark.kind == "promoted"]
    return f"{' and '.join(promoted)} became the champion" if promoted else ""


def _days(count: int) -> str:
    return f"{count} {'day' if count == 1 else 'days'}"
