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
    """Return a row of the event store."""
    return EventRow(
        project_id, event_id, model_id, ts_us, received_us, None, 12.5, "1", 0.8, features, "request", None, "a"
    )


def submission(*rows: EventRow, **rest: Any) -> StoreEvents:
    """Return the step that stores the rows of one request."""
    return StoreEvents(rows, rows[0].received_us if rows else NOON_US, rest.pop("request_id", "request"), **rest)


def new_writer(
    database: Database, *, close_delay_s: int = 300, queue_rows: int = 50_000, **options: Any
) -> GroupWriter:
    """Return a writer with the steps of all domains, without starting it."""
    return GroupWriter(database, writer_steps(close_delay_s=close_delay_s), queue_rows=queue_rows, **options)


def store_rows(writer: GroupWriter, work: StoreEvents | StoreLabels) -> RowsOutcome:
    """Store rows, and return their outcome."""
    writer.store(work)
    return work.outcome


def submit_rows(writer: GroupWriter, work: StoreEvents | StoreLabels) -> Awaitable[RowsOutcome]:
    """Queue rows at once, and return an awaitable of their outcome."""
    future = writer.submit(work)

    async def outcome() -> RowsOutcome:
        await future
        return work.outcome

    return outcome()


@contextmanager
def running(database: Database, **options: Any) -> Iterator[GroupWriter]:
    """Run a writer, and stop it at the end."""
    writer = new_writer(database, **options)
    writer.start()
    try:
        yield writer
    finally:
        writer.stop()


def stored_ids(database: Database) -> list[str]:
    """Read the event ids that are stored, sorted."""
    with database.read() as connection:
        return sorted(connection.execute(select(events.c.event_id)).scalars())


def read_day_states(database: Database) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Read the states of all days by project, model and day."""
    return {(r["project_id"], r["model_id"], r["day"]): r for r in _all(database, day_states)}


def read_rejections(database: Database) -> dict[tuple[str, str, str, str], int]:
    """Read the counts of rejections by project, model, day and field."""
    return {(r["project_id"], r["model_id"], r["day"], r["field"]): r["count"] for r in _all(database, rejections)}


def _all(database: Database, table: Table) -> list[dict[str, Any]]:
    with database.read() as connection:
        return [dict(r._mapping) for r in connection.execute(select(table))]
