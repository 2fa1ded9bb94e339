"""Drift reports of many days to one row a column."""

import math
from collections.abc import Mapping, Sequence

from guard_core.columns import feature_name
from guard_store.monitoring.drift_reports import ColumnVerdict, DayColumns
from serving.monitoring.series.schemas import DriftMatrix, MatrixColumn

_INSUFFICIENT = "insufficient_data"
_NO_BASELINE = "missing_baseline"


def build_matrix(days: Sequence[str], reports: Sequence[DayColumns], importance: Mapping[str, float]) -> DriftMatrix:
    """Return the verdicts by column and day.

    Parameters
    ----------
    days : ascending; days without a report have no verdicts.
    importance : by lake column; empty if it was not measured.
    """
    state_by_day = {report.day: report.state for report in reports}
    by_column: dict[str, dict[str, ColumnVerdict]] = {}
    for report in reports:
        for verdict in report.columns:
            by_column.setdefault(verdict.column, {})[report.day] = verdict
    most = max(importance.values(), default=0.0)
    shares = {column: value / most for column, value in importance.items() if most > 0}
    judged = max((day for day in days if state_by_day.get(day, _NO_BASELINE) != _NO_BASELINE), default=None)
    columns = [
        _column(name, days, state_by_day, verdicts, shares.get(name), judged) for name, verdicts in by_column.items()
    ]
    columns.sort(key=lambda column: (-(column.importance if column.importance is not None else -1.0), column.name))
    states = [state_by_day.get(day) for day in days]
    return DriftMatrix(days=list(days), states=states, judged_day=judged, columns=columns)


def _column(
    name: str,
    days: Sequence[str],
    state_by_day: Mapping[str, str],
    verdicts: Mapping[str, ColumnVerdict],
    importance: float | None,
    judged_day: str | None,
) -> MatrixColumn:
    judged = [verdicts.get(day) for day in days]
    uncertain = [verdict if verdict is not None and verdict.state == _INSUFFICIENT else None for verdict in judged]
    required_days = [None if verdict is None else _required_days(verdict) for verdict in uncertain]
    newest = None if judged_day is None else verdicts.get(judged_day)
    return MatrixColumn(
        name=feature_name(name),
        importance=None if importance is None else round(importance, 4),
        verdicts=[_verdict(verdict, state_by_day.get(day)) for day, verdict in zip(days, judged, strict=True)],
        shades=[None if verdict is None else _shade(verdict) for verdict in uncertain],
        required_days=required_days,
        more_days=[
            None if verdict is None or required is None else max(1, required - (verdict.window_days or 0))
            for verdict, required in zip(uncertain, required_days, strict=True)
        ],
        ratio=None if newest is None else _ratio(newest),
        reason=verdicts[max(verdicts)].reason,
    )


def _verdict(verdict: ColumnVerdict | None, day_state: str | None) -> str | None:
    if verdict is not None:
        return verdict.state
    return _NO_BASELINE if day_state == _NO_BASELINE else None


def _shade(verdict: ColumnVerdict) -> float | None:
    ratio = _ratio(verdict)
    return None if ratio is None else round(min(1.0, ratio), 2)


def _ratio(verdict: ColumnVerdict) -> float | None:
    if verdict.effect is None or not verdict.drift_threshold:
        return None
    return round(abs(verdict.effect) / verdict.drift_threshold, 4)


def _required_days(verdict: ColumnVerdict) -> int | None:
    if not verdict.required_n or not verdict.n or not verdict.window_days:
        return None
    return math.ceil(verdict.required_n * verdict.window_days / verdict.n)
