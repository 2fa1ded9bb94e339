"""Numbers of stored events by local day; what they are compared with does not belong here."""

from collections.abc import Iterable

from sqlalchemy import func, select

from guard_store.day_state.day_state import DayState, Key
from guard_store.db.database import Database
from guard_store.ingest.tables import events


def count_events(database: Database, items: Iterable[DayState]) -> dict[Key, int]:
    """Count the stored events of days of models, by the key of the day."""
    counts: dict[Key, int] = {}
    with database.read() as connection:
        for item in items:
            start, end = item.bounds_us
            statement = select(func.count()).where(
                events.c.project_id == item.project_id,
                events.c.model_id == item.model_id,
                events.c.ts_us >= start,
                events.c.ts_us < end,
            )
            counts[item.key] = connection.scalar(statement) or 0
    return counts
