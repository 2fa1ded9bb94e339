"""Numbers of stored events by local day; what they are compared with does not belong here."""

from collections.abc import Iterable

from sqlalchemy import func, select

from guard_store.day_state.day_state import DayState, Key
from guard_store.db.conditions import of_instants
from guard_store.db.database import Database
from guard_store.ingest.tables import events


def count_events(database: Database, items: Iterable[DayState]) -> dict[Key, int]:
    """Count the stored events of days of models, by the key of the day."""
    counts: dict[Key, int] = {}
    with database.read() as connection:
        for item in items:
            of_item = of_instants(events, item.project_id, item.model_id, item.bounds_us)
            statement = select(func.count()).where(of_item)
            counts[item.key] = connection.scalar(statement) or 0
    return counts
