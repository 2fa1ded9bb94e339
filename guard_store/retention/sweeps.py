"""Retention of the ledger, bodies, events with their labels, the lake, and records of research.

Rows are deleted in small pieces, so that other transactions do not wait; each sweep that deletes is a row of the ledger.
Retention of alerts is `guard_store.retention.alerts`.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import and_, delete, func, select, true

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import DAY_US, HOUR_US
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.db.conditions import of_instants, of_model
from guard_store.db.database import Database
from guard_store.ingest.tables import events, labels
from guard_store.ledger.bodies import BodyStore
from guard_store.ledger.checkpoints import load_signer
from guard_store.ledger.entry import Entry
from guard_store.ledger.store import LedgerStore
from guard_store.research.steps import ResearchStepStore
from guard_store.research.tool_calls import ToolCallStore

if TYPE_CHECKING:  # serving sweeps bodies, and never loads a lake
    from guard_store.lake.store import Lake

GRACE_US: Final = HOUR_US
"""Time between the release of a day and the deletion of its events, for readers that have begun before."""
_PIECE_ROWS = 5_000
_DONE = 200


def sweep_bodies(database: Database, settings: Settings) -> int | None:
    """Delete bodies older than `retention.body_days`; return how many, None if they are kept as long as the ledger."""
    days = settings.retention.body_days
    if days is None:
        return None
    deleted = BodyStore(database).forget(now_us() - days * DAY_US)
    note_sweep(database, "bodies", days, deleted=deleted)
    return deleted


def sweep_events(database: Database, settings: Settings, *, grace_us: int = GRACE_US) -> int | None:
    """Delete events and labels of days older than `retention.event_days` that are in the lake; return how many events.

    A sweep releases the days that are due, and deletes those that an earlier sweep has released.
    """
    days = settings.retention.event_days
    if days is None:
        return None
    day_states = DayStateStore(database)
    now = now_us()
    before_us = now - days * DAY_US
    old = [item for item in day_states.ended_before(before_us) if item.lake_revision >= item.revision]
    day_states.mark_expiring("events", [item for item in old if item.events_expired_us is None])
    released = [
        item for item in day_states.ended_before(before_us) if (item.events_expired_us or now + 1) <= now - grace_us
    ]
    deleted = deleted_labels = 0
    for _, days_of_model in groupby(sorted(released, key=lambda item: item.key), key=lambda item: item.key[:2]):
        counts = _delete_days(database, list(days_of_model))
        deleted, deleted_labels = deleted + counts[0], deleted_labels + counts[1]
    deleted_labels += _delete_waiting_labels(database, before_us)
    note_sweep(database, "events", days, deleted=deleted, labels=deleted_labels)
    return deleted


def sweep_lake(database: Database, lake: "Lake", settings: Settings) -> int | None:
    """Delete processed days older than `retention.lake_days` from the lake; return how many."""
    days = settings.retention.lake_days
    if days is None:
        return None
    day_states = DayStateStore(database)
    old = day_states.ended_before(now_us() - days * DAY_US)
    day_states.mark_expiring("lake", [item for item in old if item.lake_expired_us is None and item.done])
    released = [item for item in day_states.ended_before(now_us() - days * DAY_US) if item.lake_expired_us is not None]
    deleted = 0
    for (project_id, model_id), days_of_model in groupby(
        sorted(released, key=lambda i: i.key), key=lambda i: i.key[:2]
    ):
        deleted += lake.forget_days(project_id, model_id, [item.day for item in days_of_model])
    note_sweep(database, "lake", days, deleted=deleted)
    return deleted


def sweep_ledger(database: Database, settings: Settings) -> int | None:
    """Delete what is older than `retention.log_days`; return how many rows, None if all are kept for ever."""
    if settings.retention.log_days is None:
        return None
    now = now_us()
    before_us = now - settings.retention.log_days * DAY_US
    details = {"ledger_before_us": before_us, "log_retention_days": settings.retention.log_days}
    entry = Entry(
        at_us=now, route="retention", method="SWEEP", status=_DONE, details=msgspec.json.encode(details).decode()
    )
    return LedgerStore(database, load_signer(settings)).prune(before_us, entry)


def sweep_research(database: Database, settings: Settings) -> int:
    """Delete records of research and tools older than the settings allow; return how many steps."""
    now = now_us()
    if settings.retention.log_days is not None:
        ToolCallStore(database).sweep(now - settings.retention.log_days * DAY_US)
    return ResearchStepStore(database).sweep(now - settings.retention.research_days * DAY_US)


def _delete_days(database: Database, items: Sequence[DayState]) -> tuple[int, int]:
    """Delete events of days of one model; return how many, and how many labels with them."""
    project_id, model_id, _ = items[0].key
    with database.read() as connection:
        first_us = connection.scalar(select(func.min(events.c.ts_us)).where(of_model(events, project_id, model_id)))
    deleted = deleted_labels = 0
    for item in items:
        if first_us is None or item.bounds_us[1] <= first_us:
            continue
        of_day = of_instants(events, project_id, model_id, item.bounds_us)
        ids = select(events.c.event_id).where(of_day).limit(_PIECE_ROWS)
        while True:
            with database.write() as connection:
                piece = list(connection.scalars(ids))
                of_piece = and_(labels.c.project_id == project_id, labels.c.event_id.in_(piece))
                deleted_labels += connection.execute(delete(labels).where(of_piece)).rowcount
                events_of_piece = and_(events.c.project_id == project_id, events.c.event_id.in_(piece))
                deleted += connection.execute(delete(events).where(events_of_piece)).rowcount
            if len(piece) < _PIECE_ROWS:
                break
    return deleted, deleted_labels


def _delete_waiting_labels(database: Database, before_us: int) -> int:
    """Delete labels whose events never arrived."""
    waits = and_(labels.c.waiting == true(), labels.c.received_us < before_us)
    old = select(labels.c.seq).where(waits).limit(_PIECE_ROWS)
    deleted = 0
    while True:
        with database.write() as connection:
            piece = connection.execute(delete(labels).where(labels.c.seq.in_(old))).rowcount
        deleted += piece
        if piece < _PIECE_ROWS:
            return deleted


def note_sweep(database: Database, kind: str, days: int, **counts: int) -> None:
    """Append a sweep that has deleted rows to the ledger."""
    if any(counts.values()):
        details = msgspec.json.encode({"kind": kind, "retention_days": days, **counts}).decode()
        entry = Entry(at_us=now_us(), route="retention", method="SWEEP", status=_DONE, details=details)
        LedgerStore(database, None).append([entry])
