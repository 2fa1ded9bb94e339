"""What a day came to: its metrics and profiles, for the whole day and for each endpoint, model version and segment.

Rows are replaced a day at a time; how they are computed is not known here. Profiles are opaque bytes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, delete, insert, select

from guard_core.days import now_us
from guard_store.db.database import Database
from guard_store.monitoring.tables import aggregates

WHOLE_DAY = ("", "")


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


class AggregateStore:
    """Reads and replaces aggregates."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
    ) -> None:
        """Replace all slices of a day in one transaction."""
        common = {
            "project_id": project_id,
            "model_id": model_id,
            "day": day,
            "lake_version": lake_version,
            "revision": revision,
            "run_id": run_id,
            "computed_us": now_us(),
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
        with self._database.write() as connection:
            connection.execute(delete(aggregates).where(_of_model(project_id, model_id), aggregates.c.day == day))
            if rows:
                connection.execute(insert(aggregates), rows)

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
        """Profile bytes by day, for the days of a closed range that have them, oldest first."""
        statement = (
            select(aggregates.c.day, aggregates.c.profile)
            .where(_of_model(project_id, model_id), _of_slice(slice_key), _between(start_day, end_day))
            .where(aggregates.c.day > after_day)
            .order_by(aggregates.c.day)
            .limit(limit)
        )
        with self._database.read() as connection:
            return {row.day: row.profile for row in connection.execute(statement)}

    def days(
        self,
        project_id: str,
        model_id: str,
        start_day: str,
        end_day: str,
        slice_key: tuple[str, str] = WHOLE_DAY,
        *,
        limit: int | None = None,
        after_day: str = "",
    ) -> list[Aggregate]:
        """Aggregates of a closed range of days, oldest first, after `after_day`."""
        statement = (
            select(*_without_profile)
            .where(_of_model(project_id, model_id), _of_slice(slice_key), _between(start_day, end_day))
            .where(aggregates.c.day > after_day)
            .order_by(aggregates.c.day)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [_aggregate(row) for row in connection.execute(statement)]

    def slices(self, project_id: str, model_id: str, day: str) -> list[Aggregate]:
        """All slices of one day, the whole day first."""
        statement = (
            select(*_without_profile)
            .where(_of_model(project_id, model_id), aggregates.c.day == day)
            .order_by(aggregates.c.dimension, aggregates.c.value)
        )
        with self._database.read() as connection:
            return [_aggregate(row) for row in connection.execute(statement)]


_without_profile = [column for column in aggregates.c if column.name != "profile"]


def _of_model(project_id: str, model_id: str) -> Any:
    return and_(aggregates.c.project_id == project_id, aggregates.c.model_id == model_id)


def _of_slice(key: tuple[str, str]) -> Any:
    return and_(aggregates.c.dimension == key[0], aggregates.c.value == key[1])


def _between(start_day: str, end_day: str) -> Any:
    return aggregates.c.day.between(start_day, end_day)


def _aggregate(row: Row[Any]) -> Aggregate:
    return Aggregate(**row._mapping)
