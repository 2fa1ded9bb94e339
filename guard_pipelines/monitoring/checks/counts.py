"""Counts of the same days in the store and in the lake.

A day that differs is failed and sent back to the start, so that the next run repairs it and no other day waits for it.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import func, select

from guard_pipelines.days.findings import Finding
from guard_pipelines.days.loop import group_by_model
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.ingest.tables import events
from guard_store.lake.store import Lake


def differing_counts(database: Database, lake: Lake, days: Collection[str]) -> list[Finding]:
    """Days that the lake is said to hold, but with another number of rows than the store."""
    news = DayStateStore(database)
    held = [item for item in news.of_days(days) if item.lake_revision == item.revision and item.is_kept_for("lake")]
    findings: list[Finding] = []
    for items in group_by_model(held):
        snapshot = lake.snapshot(*items[0].key[:2])
        for item, stored in _stored(database, items):
            rows = 0 if snapshot is None else snapshot.rows(item.day)
            if rows != stored:
                finding = f"{rows} rows in the lake, {stored} in the store"
                news.fail(item, finding, from_the_start=True)
                project_id, model_id, day = item.key
                findings.append({"project": project_id, "model": model_id, "day": day, "finding": finding})
    return findings


def _stored(database: Database, items: Sequence[DayState]) -> list[tuple[DayState, int]]:
    """Rows of the store by day, of days whose news have not moved meanwhile."""
    counted = {}
    with database.read() as connection:
        for item in items:
            start, end = item.bounds_us
            statement = select(func.count()).where(
                events.c.project_id == item.project_id,
                events.c.model_id == item.model_id,
                events.c.ts_us >= start,
                events.c.ts_us < end,
            )
            counted[item.key] = connection.scalar(statement) or 0
    now = {item.key: item.changes for item in DayStateStore(database).of_days({item.day for item in items})}
    return [(item, counted[item.key]) for item in items if now.get(item.key) == item.changes]
