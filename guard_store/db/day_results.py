"""Results by (project, model, local day): the rows of a day are replaced together, ranges of days are read page by page.

What the other columns of a result mean belongs to the store of each kind of result.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, delete, insert, select

from guard_core.days import now_us
from guard_store.db.conditions import of_day, of_model
from guard_store.db.database import Database

WHOLE_DAY = ("", "")
"""Key of the slice that holds all rows of a day."""


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


ResultT = TypeVar("ResultT", bound=_Dataclass)


class DayResultStore(Generic[ResultT]):
    """Reads and replaces results of one table.

    Parameters
    ----------
    table : has at least `project_id`, `model_id`, `day` and `computed_us`.
    result_type : a dataclass; its fields are the columns to read.
    """

    def __init__(self, database: Database, table: Table, result_type: type[ResultT]) -> None:
        self._database = database
        self._table = table
        self._result_type = result_type
        self._columns = [table.c[field.name] for field in fields(result_type)]

    def days(
        self,
        project_id: str,
        model_id: str,
        start_day: str,
        end_day: str,
        *,
        limit: int | None = None,
        after_day: str = "",
    ) -> list[ResultT]:
        """Return the results of a closed range of days, oldest first, after `after_day`."""
        in_range = self._in_range(project_id, model_id, start_day, end_day, after_day)
        return self._read(self._select().where(in_range).order_by(self._table.c.day).limit(limit))

    def newest(self, project_id: str, model_id: str, limit: int) -> list[ResultT]:
        """Return the results of the newest days of a model, oldest first."""
        of_newest = self._select().where(of_model(self._table, project_id, model_id)).order_by(self._table.c.day.desc())
        return self._read(of_newest.limit(limit))[::-1]

    def _replace(
        self, connection: Connection, project_id: str, model_id: str, day: str, rows: Iterable[Mapping[str, Any]]
    ) -> None:
        key = {"project_id": project_id, "model_id": model_id, "day": day, "computed_us": now_us()}
        connection.execute(delete(self._table).where(of_day(self._table, project_id, model_id, day)))
        new = [{**key, **row} for row in rows]
        if new:
            connection.execute(insert(self._table), new)

    def _in_range(
        self, project_id: str, model_id: str, start_day: str, end_day: str, after_day: str
    ) -> ColumnElement[bool]:
        day = self._table.c.day
        return and_(of_model(self._table, project_id, model_id), day.between(start_day, end_day), day > after_day)

    def _select(self) -> Select[Any]:
        return select(*self._columns)

    def _read(self, statement: Select[Any]) -> list[ResultT]:
        with self._database.read() as connection:
            return [self._result_type(**row._mapping) for row in connection.execute(statement)]


class SliceResultStore(DayResultStore[ResultT]):
    """Reads and replaces results of a table whose days have a row for each slice, named by `dimension` and `value`."""

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
    ) -> list[ResultT]:
        """Return one slice of a closed range of days, oldest first, after `after_day`."""
        in_range = and_(self._in_range(project_id, model_id, start_day, end_day, after_day), self._of_slice(slice_key))
        return self._read(self._select().where(in_range).order_by(self._table.c.day).limit(limit))

    def _of_slice(self, slice_key: tuple[str, str]) -> ColumnElement[bool]:
        return and_(self._table.c.dimension == slice_key[0], self._table.c.value == slice_key[1])
