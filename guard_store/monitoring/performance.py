"""Performance of a model on each day, whole and by slice, and in the window of its baseline.

Reports and references are JSON objects built by `ml.monitoring.performance`; here they are only stored, replaced and listed.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import and_, case, delete, insert, select

from guard_core.days import now_us
from guard_store.day_state.invalidation import invalidate_compared_performance
from guard_store.day_state.tables import day_states
from guard_store.db.conditions import of_model
from guard_store.db.database import Database
from guard_store.db.day_results import WHOLE_DAY, SliceResultStore
from guard_store.db.newest_days import select_newest_days
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
"""`source` of a reference that was measured with predictions of a new champion instead of those in the lake."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Performance on the `labelled` rows of a baseline's window."""

    labelled: int
    reference: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DayMetric:
    """A realised metric of a day as a whole; None if it was not measured.

    Attributes
    ----------
    low, high : bounds of its 95 % interval.
    """

    project_id: str
    model_id: str
    day: str
    task: str
    baseline_id: str | None
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class DayMetrics:
    """All metrics of a day as a whole, realised or estimated, each as `value`, `low`, `high`, `n` and `reason`."""

    project_id: str
    model_id: str
    day: str
    task: str | None
    baseline_id: str | None
    metrics: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class SliceMetric:
    """A metric of a day's slice, realised and estimated.

    Attributes
    ----------
    dimension, value : the slice; both empty for the whole day.
    realised, estimated : `value`, `low`, `high`, `n` and `reason`; None if it was not measured.
    """

    day: str
    dimension: str
    value: str
    baseline_id: str | None
    realised: Mapping[str, Any] | None
    estimated: Mapping[str, Any] | None


class PerformanceStore(SliceResultStore[StoredPerformance]):
    """Reads and replaces performance."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, performance, StoredPerformance)

    def newest_realised(
        self, days: int, metric_by_task: Mapping[str, str], project_id: str | None = None
    ) -> list[DayMetric]:
        """Return a realised metric of the newest days of every model, oldest first, chosen by the model's task.

        Parameters
        ----------
        project_id : only this project; None for all.
        """
        c = performance.c
        figures = [
            case(
                *(
                    (c.task == task, c.report[("realised", "metrics", name, part)].as_float())
                    for task, name in metric_by_task.items()
                )
            )
            for part in ("value", "low", "high")
        ]
        columns = [c.project_id, c.model_id, c.day, c.task, c.baseline_id, *figures]
        statement = select_newest_days(performance, columns, days, project_id, self._of_slice(WHOLE_DAY))
        with self._database.read() as connection:
            return [DayMetric(*row) for row in connection.execute(statement.where(c.task.in_(metric_by_task))).all()]

    def newest_metrics(self, part: Literal["realised", "estimated"]) -> list[DayMetrics]:
        """Return all metrics of the newest day of every model on which they were measured."""
        c = performance.c
        models = select(day_states.c.project_id, day_states.c.model_id).distinct().subquery().c
        # The cheap condition first: reports without labels, or without a baseline, need not be parsed.
        may_have = c.labelled > 0 if part == "realised" else c.baseline_id.is_not(None)
        metrics = c.report[(part, "metrics")]
        newest = (
            select(c.day)
            .where(
                c.project_id == models.project_id, c.model_id == models.model_id, self._of_slice(WHOLE_DAY), may_have
            )
            .where(metrics.as_string().is_not(None))
            .order_by(c.day.desc())
            .limit(1)
            .correlate(models.project_id.table)
            .scalar_subquery()
        )
        is_newest = and_(c.project_id == models.project_id, c.model_id == models.model_id, c.day == newest)
        statement = select(c.project_id, c.model_id, c.day, c.task, c.baseline_id, metrics).join_from(
            models.project_id.table, performance, is_newest
        )
        with self._database.read() as connection:
            return [DayMetrics(*row) for row in connection.execute(statement.where(self._of_slice(WHOLE_DAY)))]

    def newest_task(self, project_id: str, model_id: str) -> str | None:
        """Return the task of the newest day whose task is known."""
        c = performance.c
        statement = (
            select(c.task)
            .where(of_model(performance, project_id, model_id), self._of_slice(WHOLE_DAY), c.task.is_not(None))
            .order_by(c.day.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            task: str | None = connection.scalar(statement)
        return task

    def newest_metric(self, project_id: str, model_id: str, metric: str) -> SliceMetric | None:
        """Return a metric of the newest whole day on which it has a realised value."""
        c = performance.c
        parts = [c.report[(part, "metrics", metric)] for part in ("realised", "estimated")]
        statement = (
            select(c.day, c.dimension, c.value, c.baseline_id, *parts)
            .where(of_model(performance, project_id, model_id), self._of_slice(WHOLE_DAY))
            .where(c.report[("realised", "metrics", metric, "value")].as_float().is_not(None))
            .order_by(c.day.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else SliceMetric(*row)

    def newest_measured_days(self, project_id: str, model_id: str, metric: str, most: int) -> list[str]:
        """Return the newest days on which a metric of the whole day has a realised value, oldest first."""
        c = performance.c
        statement = (
            select(c.day)
            .where(of_model(performance, project_id, model_id), self._of_slice(WHOLE_DAY), c.labelled > 0)
            .where(c.report[("realised", "metrics", metric, "value")].as_float().is_not(None))
            .order_by(c.day.desc())
            .limit(most)
        )
        with self._database.read() as connection:
            return list(connection.scalars(statement))[::-1]

    def metric_days(
        self, project_id: str, model_id: str, start_day: str, end_day: str, metric: str, *, slices: bool = False
    ) -> list[SliceMetric]:
        """Return one metric of each day of a closed range, oldest first.

        Parameters
        ----------
        slices : whether to return the metric of each slice instead of that of the whole day.
        """
        c = performance.c
        is_whole = self._of_slice(WHOLE_DAY)
        metrics = [c.report[(part, "metrics", metric)] for part in ("realised", "estimated")]
        statement = (
            select(c.day, c.dimension, c.value, c.baseline_id, *metrics)
            .where(self._in_range(project_id, model_id, start_day, end_day, ""), ~is_whole if slices else is_whole)
            .order_by(c.day, c.dimension, c.value)
        )
        with self._database.read() as connection:
            return [SliceMetric(*row) for row in connection.execute(statement).all()]

    def reference_values(self, baseline_ids: Collection[str], metric_by_task: Mapping[str, str]) -> dict[str, float]:
        """Return the value of a metric in the windows of baselines, chosen by the task; those without one are left out."""
        c = performance_references.c
        statement = select(c.baseline_id, c.reference["task"], c.reference["metrics"]).where(
            c.baseline_id.in_(baseline_ids)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        metrics = {baseline_id: values.get(metric_by_task.get(task, "")) for baseline_id, task, values in rows}
        return {key: metric["value"] for key, metric in metrics.items() if metric and metric["value"] is not None}

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
                "dimension": s.dimension,
                "value": s.value,
                "task": s.task,
                "events": s.events,
                "labelled": s.labelled,
                "report": dict(s.report),
            }
            for s in slices
        ]
        with self._database.write() as connection:
            self._replace(connection, project_id, model_id, day, rows)

    def reference(self, baseline_id: str) -> Reference | None:
        """Return the performance in a baseline's window; None before it was measured."""
        columns = [performance_references.c.labelled, performance_references.c.reference]
        statement = select(*columns).where(performance_references.c.baseline_id == baseline_id)
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Reference(row.labelled, row.reference)

    def replace_reference(
        self, project_id: str, model_id: str, baseline_id: str, *, labelled: int, reference: Mapping[str, Any]
    ) -> None:
        """Store the performance in a baseline's window; if it replaces another, make the performance of all days due again.

        A new baseline has made all days due itself.
        """
        row = {
            "baseline_id": baseline_id,
            "labelled": labelled,
            "reference": dict(reference),
            "computed_us": now_us(),
        }
        with self._database.write() as connection:
            of_baseline = performance_references.c.baseline_id == baseline_id
            replaced = connection.execute(delete(performance_references).where(of_baseline)).rowcount
            connection.execute(insert(performance_references), row)
            if replaced:
                invalidate_compared_performance(connection, project_id, model_id)
