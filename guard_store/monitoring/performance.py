"""How good a model's predictions were on a day, whole and by slice, and what they were in its baseline's window.

Reports and references are JSON objects that `ml.monitoring.performance` made; they are stored, replaced and listed here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select

from guard_core.days import now_us
from guard_store.day_state.invalidation import invalidate_performance
from guard_store.db.database import Database
from guard_store.db.day_results import SliceResultStore
from guard_store.monitoring.tables import performance, performance_references


@dataclass(frozen=True, slots=True)
class SlicePerformance:
    """A day's performance for one slice: (dimension, value), or ("", "") for the whole day."""

    dimension: str
    value: str
    task: str
    events: int
    labelled: int
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredPerformance:
    """A stored slice of a day."""

    project_id: str
    model_id: str
    day: str
    dimension: str
    value: str
    task: str | None
    events: int
    labelled: int
    report: Mapping[str, Any]
    baseline_id: str | None
    lake_version: int
    revision: int
    run_id: str | None
    computed_us: int


TRAINING = "training"
"""`source` of a reference that was measured with what a new champion says, not with what the lake holds."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Performance in a baseline's window, of its `labelled` rows."""

    labelled: int
    reference: Mapping[str, Any]


class PerformanceStore(SliceResultStore[StoredPerformance]):
    """Reads and replaces performance."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, performance, StoredPerformance)

    def replace_day(
        self,
        project_id: str,
        model_id: str,
        day: str,
        slices: Iterable[SlicePerformance],
        *,
        baseline_id: str | None,
        lake_version: int,
        revision: int,
        run_id: str | None,
    ) -> None:
        """Replace all slices of a day in one transaction."""
        common = {
            "baseline_id": baseline_id,
            "lake_version": lake_version,
            "revision": revision,
            "run_id": run_id,
        }
        rows = [
            {
                **common,
                "dimension": one.dimension,
                "value": one.value,
                "task": one.task,
                "events": one.events,
                "labelled": one.labelled,
                "report": dict(one.report),
            }
            for one in slices
        ]
        with self._database.write() as connection:
            self._replace(connection, project_id, model_id, day, rows)

    def reference(self, baseline_id: str) -> Reference | None:
        """What performance was in a baseline's window; None before it was measured."""
        columns = [performance_references.c.labelled, performance_references.c.reference]
        statement = select(*columns).where(performance_references.c.baseline_id == baseline_id)
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Reference(row.labelled, row.reference)

    def replace_reference(
        self, project_id: str, model_id: str, baseline_id: str, *, labelled: int, reference: Mapping[str, Any]
    ) -> None:
        """Store what performance was in a baseline's window; where it changed, ask for the days compared with it.

        A new baseline has asked for all days itself.
        """
        row = {
            "baseline_id": baseline_id,
            "labelled": labelled,
            "reference": dict(reference),
            "computed_us": now_us(),
        }
        with self._database.write() as connection:
            of_baseline = performance_references.c.baseline_id == baseline_id
            had = connection.execute(delete(performance_references).where(of_baseline)).rowcount
            connection.execute(insert(performance_references), row)
            if had:
                invalidate_performance(connection, project_id, model_id)
