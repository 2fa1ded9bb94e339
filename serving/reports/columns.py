"""Drift reports of a month to summaries of its columns: how often each drifted, the worst verdict, missing values."""

from collections import Counter
from collections.abc import Iterator, Sequence

from guard_core.columns import feature_name
from guard_store.monitoring.drift_reports import ColumnVerdict, DayColumns
from serving.reports.schemas import ColumnReport, DriftSummary, MissingReport, WorstVerdict

_CALLED = ("drift", "warning")
_JUDGED = (*_CALLED, "stable")
_LEAST_INCREASE = 0.01


def summarise_drift(reports: Sequence[DayColumns]) -> DriftSummary:
    """Return the days by verdict, the columns that drifted or gave a warning, and the worst verdict."""
    states: dict[str, Counter[str]] = {}
    for _, verdict in _verdicts(reports):
        states.setdefault(verdict.column, Counter())[verdict.state] += 1
    columns = [
        ColumnReport(
            name=feature_name(column),
            drift_days=counts["drift"],
            warning_days=counts["warning"],
            judged_days=sum(counts[state] for state in _JUDGED),
        )
        for column, counts in states.items()
        if any(counts[state] for state in _CALLED)
    ]
    columns.sort(key=lambda column: (-column.drift_days, -column.warning_days, column.name))
    return DriftSummary(
        days_by_verdict=dict(Counter(report.state for report in reports)), columns=columns, worst=_worst(reports)
    )


def summarise_missing(reports: Sequence[DayColumns]) -> list[MissingReport]:
    """Return the columns that were missing in a larger share of rows than in the baseline, by a point of percentage at least."""
    largest: dict[str, MissingReport] = {}
    for day, verdict in _verdicts(reports):
        share, baseline_share = verdict.missing_share or 0.0, verdict.reference_missing_share or 0.0
        name = feature_name(verdict.column)
        if share - baseline_share >= _LEAST_INCREASE and (name not in largest or share > largest[name].share):
            largest[name] = MissingReport(name=name, day=day, share=share, baseline_share=baseline_share)
    return sorted(largest.values(), key=lambda item: (item.baseline_share - item.share, item.name))


def _worst(reports: Sequence[DayColumns]) -> WorstVerdict | None:
    drifted = [
        WorstVerdict(
            column=feature_name(verdict.column),
            day=day,
            effect=verdict.effect,
            threshold=verdict.drift_threshold,
            reason=verdict.reason,
        )
        for day, verdict in _verdicts(reports)
        if verdict.state == "drift" and verdict.effect is not None and verdict.drift_threshold
    ]
    return max(drifted, key=lambda item: item.effect / item.threshold, default=None)


def _verdicts(reports: Sequence[DayColumns]) -> Iterator[tuple[str, ColumnVerdict]]:
    return ((report.day, verdict) for report in reports for verdict in report.columns)
