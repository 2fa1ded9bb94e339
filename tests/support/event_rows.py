"""Rows as ingestion makes them, projects to put them in, and what the database holds of them afterwards."""

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, select

from guard_core.days import microseconds
from guard_store.day_state.tables import day_states
from guard_store.db.database import Database
from guard_store.ingest.rows import EventRow, RowsOutcome, StoreEvents, StoreLabels
from guard_store.ingest.tables import events, rejections
from guard_store.projects.store import ProjectStore
from guard_store.steps import writer_steps
from guard_store.writer.writer import GroupWriter

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
) -> EventRow:
    """A row of the event store."""
    return EventRow(
        project_id, event_id, model_id, ts_us, received_us, None, 12.5, "1", 0.8, features, "request", None, "a"
    )


def submission(*rows: EventRow, **rest: Any) -> StoreEvents:
    """What one request wants stored."""
    return StoreEvents(rows, rows[0].received_us if rows else NOON_US, rest.pop("request_id", "request"), **rest)


def new_writer(
    database: Database, *, close_delay_s: int = 300, queue_rows: int = 50_000, **options: Any
) -> GroupWriter:
    """A writer with the steps of all domains; it is not started."""
    return GroupWriter(database, writer_steps(close_delay_s=close_delay_s), queue_rows=queue_rows, **options)


def stored(writer: GroupWriter, work: StoreEvents | StoreLabels) -> RowsOutcome:
    """Store rows, and say what became of them."""
    writer.store(work)
    return work.outcome


def submitted(writer: GroupWriter, work: StoreEvents | StoreLabels) -> Awaitable[RowsOutcome]:
    """Queue rows at once; awaited, it says what became of them."""
    future = writer.submit(work)

    async def outcome() -> RowsOutcome:
        await future
        return work.outcome

    return outcome()


@contextmanager
def running(database: Database, **options: Any) -> Iterator[GroupWriter]:
    """A writer, stopped at the end."""
    writer = new_writer(database, **options)
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
