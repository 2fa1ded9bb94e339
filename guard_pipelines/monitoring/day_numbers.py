"""Numbers of a day's partition, and the rows of models that a run had no reason to process: read from what earlier runs stored.

What a run has processed itself is in the outcome of its stage (`days.loop`); both together are a day's numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from guard_pipelines.days.loop import Cell
from guard_pipelines.days.numbers import DayNumbers
from guard_store.day_state.day_state import DayState
from guard_store.db.database import Database
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.monitoring.performance import PerformanceStore

ROW_COUNT: Final = "dagster/partition_row_count"
DECIDING_METRICS: Final = ("roc_auc", "accuracy", "mae")
"""The deciding metric of each task."""

_Rows = Iterator[dict[str, Cell]]


def deciding_cells(report: Mapping[str, Any] | None) -> dict[str, Cell]:
    """Return the deciding metric of each task as a cell, which is empty for those that a report of performance does not have."""
    metrics = ((report or {}).get("realised") or {}).get("metrics", {})
    values = {name: metrics.get(name, {}).get("value") for name in DECIDING_METRICS}
    return {name: "" if value is None else value for name, value in values.items()}


def _read_counts(_database: Database, states: Sequence[DayState]) -> _Rows:
    for state in states:
        yield {"day": state.day, "rows": state.events}


def _read_profiles(database: Database, states: Sequence[DayState]) -> _Rows:
    store = AggregateStore(database)
    for model, of_model in _by_model(states):
        p95 = {of_day.day: of_day.latency_p95 for of_day in store.figures(*model, of_model[0].day, of_model[-1].day)}
        for state in of_model:
            latency = p95.get(state.day)
            yield {"day": state.day, "rows": state.events, "p95_latency_ms": "" if latency is None else latency}


def _read_verdicts(database: Database, states: Sequence[DayState]) -> _Rows:
    store = DriftReportStore(database)
    for model, of_model in _by_model(states):
        drifted = {
            of_day.day: sum(column.state == "drift" for column in of_day.columns)
            for of_day in store.columns(*model, of_model[0].day, of_model[-1].day)
        }
        for state in of_model:
            yield {"day": state.day, "drifted_columns": drifted.get(state.day, 0)}


def _read_performance(database: Database, states: Sequence[DayState]) -> _Rows:
    store = PerformanceStore(database)
    for model, of_model in _by_model(states):
        measured = {of_day.day: of_day for of_day in store.days(*model, of_model[0].day, of_model[-1].day)}
        for state in of_model:
            whole = measured.get(state.day)
            cells = deciding_cells(None if whole is None else whole.report)
            yield {"day": state.day, "labelled": 0 if whole is None else whole.labelled, **cells}


def _by_model(states: Sequence[DayState]) -> Iterator[tuple[tuple[str, str], list[DayState]]]:
    """Group states by (project, model), oldest day first."""
    for (project_id, model_id), of_model in groupby(sorted(states, key=lambda state: state.key), lambda s: s.key[:2]):
        yield (project_id, model_id), list(of_model)


RAW_EVENTS = DayNumbers({ROW_COUNT: ("rows", sum)}, _read_counts)
DAILY_AGGREGATES = DayNumbers({ROW_COUNT: ("rows", sum), "p95_latency_ms": ("p95_latency_ms", max)}, _read_profiles)
DRIFT_REPORTS = DayNumbers({"drifted_columns": ("drifted_columns", sum)}, _read_verdicts)
PERFORMANCE = DayNumbers(
    {
        "labelled_rows": ("labelled", sum),
        "worst_roc_auc": ("roc_auc", min),
        "worst_accuracy": ("accuracy", min),
        "worst_mae": ("mae", max),
    },
    _read_performance,
)
