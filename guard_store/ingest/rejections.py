"""Numbers of rejected rows, by local day of arrival and invalid field: reading only.

Counting them is part of storing a group of rows, in `day_counts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select, tuple_

from guard_store.db.database import Database
from guard_store.ingest.tables import rejections

Position = tuple[str, str, str]
"""(day, model, field)."""


@dataclass(frozen=True, slots=True)
class Rejections:
    """Number of rejected rows of one day, model and field; `model_id` is empty if it could not be read."""

    project_id: str
    model_id: str
    day: str
    field: str
    count: int


class RejectionStore:
    """Reads counts of rejected rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def days(
        self,
        project_id: str,
        start_day: str,
        end_day: str,
        *,
        model_id: str | None = None,
        after: Position = ("", "", ""),
        limit: int | None = None,
    ) -> Sequence[Rejections]:
        """Return the rejections of a closed range of days, oldest first, after (day, model, field)."""
        position = tuple_(rejections.c.day, rejections.c.model_id, rejections.c.field)
        statement = (
            select(rejections)
            .where(and_(rejections.c.project_id == project_id, rejections.c.day.between(start_day, end_day)))
            .where(position > after)
            .order_by(rejections.c.day, rejections.c.model_id, rejections.c.field)
            .limit(limit)
        )
        if model_id is not None:
            statement = statement.where(rejections.c.model_id == model_id)
        with self._database.read() as connection:
            return [Rejections(**row._mapping) for row in connection.execute(statement)]

    def total(self, since_day: str, project_id: str | None = None) -> int:
        """Return the number of rows rejected from a local day on; of one project, or of all."""
        statement = select(func.coalesce(func.sum(rejections.c.count), 0)).where(rejections.c.day >= since_day)
        if project_id is not None:
            statement = statement.where(rejections.c.project_id == project_id)
        with self._database.read() as connection:
            return int(connection.scalar(statement) or 0)
