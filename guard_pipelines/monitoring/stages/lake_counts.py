"""Rows of the same days in the database and in the lake; what happens to days that differ is in `lake`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from guard_pipelines.days.loop import group_by_model
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.ingest.stored_counts import count_events
from guard_store.lake.store import Lake


@dataclass(frozen=True, slots=True)
class CountMismatch:
    """A day of a model whose rows in the lake are not as many as its events in the database."""

    item: DayState
    lake_rows: int
    stored_rows: int

    def __str__(self) -> str:
        return f"{self.lake_rows} rows in the lake, {self.stored_rows} in the store"


def compare_counts(database: Database, lake: Lake, days: Collection[str]) -> tuple[int, list[CountMismatch]]:
    """Compare the counts of those of these days that are marked as stored in the lake; return their number and those that differ."""
    states = DayStateStore(database).of_days(days)
    in_lake = [item for item in states if item.lake_revision == item.revision and item.is_kept_for("lake")]
    compared, mismatches = 0, list[CountMismatch]()
    for items in group_by_model(in_lake):
        snapshot = lake.snapshot(*items[0].key[:2])
        for item, stored_rows in _count_stored(database, items):
            compared += 1
            lake_rows = 0 if snapshot is None else snapshot.rows(item.day)
            if lake_rows != stored_rows:
                mismatches.append(CountMismatch(item, lake_rows, stored_rows))
    return compared, mismatches


def _count_stored(database: Database, items: Sequence[DayState]) -> list[tuple[DayState, int]]:
    """Count the events of each day; leave out days that changed after their state was read."""
    counts = count_events(database, items)
    changes = {item.key: item.changes for item in DayStateStore(database).of_days({item.day for item in items})}
    return [(item, counts[item.key]) for item in items if changes.get(item.key) == item.changes]
