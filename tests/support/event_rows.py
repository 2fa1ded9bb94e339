"""Rows as ingestion makes them, projects to put them in, and what the database holds of them afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, select

from guard_core.days import microseconds
from guard_store.day_state.tables import day_states
from guard_store.db.database import Database
from guard_store.ingest.tables import events, rejections
from guard_store.projects.store import ProjectStore
from guard_store.writer.rows import Row, Submission
from guard_store.writer.writer import EventWriter

PROJECT = "flights"
NOON_US = microseconds(datetime(2013, 1, 2, 17, tzinfo=UTC))  # in New York


def make_project(database: Database, project_id: str = PROJECT, timezone: str = "America/New_York") -> None:
    """Store a project."""
    ProjectStore(database).create(project_id, project_id, timezone)


def row(
    event_id: str,
    ts_us: int = NOON_US,
    *,
    project_id: str = PROJECT,
    model_id: str = "delay",
    received_us: int = NOON_US,
    features: str = '{"carrier":"UA"}',
) -> Row:
    """A row of the event store."""
    return project_id, event_id, model_id, ts_us, received_us, None, 12.5, "1", 0.8, features, "request", None, "a"


def submission(*rows: Row, **rest: Any) -> Submission:
    """What one request wants stored."""
    return Submission(rows, rows[0][4] if rows else NOON_US, rest.pop("request_id", "request"), **rest)


@contextmanager
def running(database: Database, **options: Any) -> Iterator[EventWriter]:
    """A writer, stopped at the end."""
    writer = EventWriter(database, **{"queue_rows": 50_000, "close_delay_s": 300, **options})
    writer.start()
    try:
        yield writer
    finally:
        writer.stop()


def stored_ids(database: Database) -> list[str]:
    """Event ids that are stored, sorted."""
    with database.read() as connection:
        return sorted(connection.execute(select(events.c.event_id)).scalars())


def news(database: Database) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The news rows by key."""
    return {(r["project_id"], r["model_id"], r["day"]): r for r in _all(database, day_states)}


def rejected(database: Database) -> dict[tuple[str, str, str, str], int]:
    """Counts of rejections by key."""
    return {(r["project_id"], r["model_id"], r["day"], r["field"]): r["count"] for r in _all(database, rejections)}


def _all(database: Database, table: Table) -> list[dict[str, Any]]:
    with database.read() as connection:
        return [dict(r._mapping) for r in connection.execute(select(table))]
