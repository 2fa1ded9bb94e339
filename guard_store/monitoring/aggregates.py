"""Metrics and profiles of each day, for the whole day and for each endpoint, model version and segment.

The rows of a day are replaced together; computing them is `ml.monitoring`. Profiles are opaque bytes.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from guard_store.day_state.invalidation import invalidate_drift_after
from guard_store.db.conditions import of_day
from guard_store.db.database import Database
from guard_store.db.day_results import WHOLE_DAY, SliceResultStore
from guard_store.monitoring.tables import aggregates


@dataclass(frozen=True, slots=True)
class Slice:
    """A day's result for one slice: (dimension, value), or ("", "") for the whole day."""

    dimension: str
    value: str
    rows: int
    metrics: Mapping[str, Any]
    profile: bytes


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A stored slice of a day, without its profile."""

    project_id: str
    model_id: str
    day: str
    dimension: str
    value: str
    rows: int
    metrics: Mapping[str, Any]
    lake_version: int
    revision: int
    run_id: str | None
    computed_us: int


@dataclass(frozen=True, slots=True)
class DayFigures:
    """The figures of a day that charts show; None where the day has none.

    Attributes
    ----------
    latency_p50, latency_p95 : in milliseconds.
    predicted_rate, label_rate : share of the positive label among predictions and among labels.
    """

    day: str
    latency_p50: float | None
    latency_p95: float | None
    predicted_rate: float | None
    label_rate: float | None


class AggregateStore(SliceResultStore[Aggregate]):
    """Reads and replaces aggregates."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, aggregates, Aggregate)

    def replace_day(
        self,
        project_id: str,
        model_id: str,
        day: str,
        slices: Iterable[Slice],
        *,
        lake_version: int,
        revision: int,
        run_id: str | None,
        request_id: str | None = None,
    ) -> None:
        """Replace all slices of a day in one transaction.

        If a profile has changed, by its bytes, the same transaction makes the drift of later days with a window that includes
        this day due again.
        """
        common = {
            "lake_version": lake_version,
            "revision": revision,
            "run_id": run_id,
        }
        rows = [
            {
                **common,
                "dimension": s.dimension,
                "value": s.value,
                "rows": s.rows,
                "metrics": dict(s.metrics),
                "profile": s.profile,
            }
            for s in slices
        ]
        c = aggregates.c
        stored = select(c.dimension, c.value, c.profile).where(of_day(aggregates, project_id, model_id, day))
        with self._database.write() as connection:
            before = {(row.dimension, row.value): row.profile for row in connection.execute(stored)}
            self._replace(connection, project_id, model_id, day, rows)
            if before != {(row["dimension"], row["value"]): row["profile"] for row in rows}:
                invalidate_drift_after(connection, project_id, model_id, day, request_id=request_id)

    def profiles(
        self,
        project_id: str,
        model_id: str,
        start_day: str,
        end_day: str,
        slice_key: tuple[str, str] = WHOLE_DAY,
        *,
        limit: int | None = None,
        after_day: str = "",
    ) -> dict[str, bytes]:
        """Return the profiles of one slice by day, of the days of a closed range that have one, oldest first."""
        statement = (
            select(aggregates.c.day, aggregates.c.profile)
            .where(self._in_range(project_id, model_id, start_day, end_day, after_day), self._of_slice(slice_key))
            .order_by(aggregates.c.day)
            .limit(limit)
        )
        with self._database.read() as connection:
            return {row.day: row.profile for row in connection.execute(statement)}

    def figures(self, project_id: str, model_id: str, start_day: str, end_day: str) -> list[DayFigures]:
        """Return the figures of each whole day of a closed range, oldest first."""
        c = aggregates.c
        paths = [("latency", "p50"), ("latency", "p95"), ("prediction", "rate"), ("labels", "rate")]
        statement = (
            select(c.day, *(c.metrics[path].as_float() for path in paths))
            .where(self._in_range(project_id, model_id, start_day, end_day, ""), self._of_slice(WHOLE_DAY))
            .order_by(c.day)
        )
        with self._database.read() as connection:
            return [DayFigures(*row) for row in connection.execute(statement).all()]

    def largest_slices(
        self, project_id: str, model_id: str, start_day: str, end_day: str, dimensions: Collection[str]
    ) -> list[tuple[str, str]]:
        """Return the (dimension, value) of the slices of a closed range of days, the one with the most rows first."""
        c = aggregates.c
        statement = (
            select(c.dimension, c.value)
            .where(self._in_range(project_id, model_id, start_day, end_day, ""), c.dimension.in_(dimensions))
            .group_by(c.dimension, c.value)
            .order_by(func.sum(c.rows).desc(), c.dimension, c.value)
        )
        with self._database.read() as connection:
            return [(dimension, value) for dimension, value in connection.execute(statement)]

    def slices(self, project_id: str, model_id: str, day: str) -> list[Aggregate]:
        """Return all slices of one day, the whole day first."""
        of_slices = of_day(aggregates, project_id, model_id, day)
        return self._read(self._select().where(of_slices).order_by(aggregates.c.dimension, aggregates.c.value))
