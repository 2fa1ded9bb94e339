"""How long bodies, events with their labels, and the lake are kept.

The ledger's own is `ledger.retention`, that of alerts `alerts.retention`. Deleting goes in small pieces, so that nobody waits for it; each sweep that deletes is a row of the ledger.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import and_, delete, func, select, true

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import DAY_US, HOUR_US
from guard_store.day_state.day_state import DayNews
from guard_store.day_state.store import NewsStore
from guard_store.db.database import Database
from guard_store.ingest.tables import events, labels
from guard_store.ledger.bodies import BodyStore
from guard_store.ledger.entry import Entry
from guard_store.ledger.store import LedgerStore

if TYPE_CHECKING:  # serving sweeps bodies, and never loads a lake
    from guard_store.lake.store import Lake

GRACE_US: Final = HOUR_US
"""A day's events go this long after it was said that they may: whoever reads them now has ended by then."""
_PIECE_ROWS = 5_000
_DONE = 200


def sweep_bodies(database: Database, settings: Settings) -> int | None:
    """Delete bodies older than `body_retention_days`; how many, None where they are kept as long as the ledger."""
    days = settings.retention.body_days
    if days is None:
        return None
    deleted = BodyStore(database).forget(now_us() - days * DAY_US)
    note_sweep(database, "bodies", days, deleted=deleted)
    return deleted


def sweep_events(database: Database, settings: Settings, *, grace_us: int = GRACE_US) -> int | None:
    """Delete events and labels of days older than `event_retention_days` that are in the lake; how many events.

    A sweep says which days are next, and deletes those that an earlier one has named.
    """
    days = settings.retention.event_days
    if days is None:
        return None
    news = NewsStore(database)
    now = now_us()
    before_us = now - days * DAY_US
    old = [item for item in news.ended_before(before_us) if item.lake_revision >= item.revision]
    news.let_go("events", [item for item in old if item.events_gone_us is None])
    named = [item for item in news.ended_before(before_us) if (item.events_gone_us or now + 1) <= now - grace_us]
    deleted = deleted_labels = 0
    for _, of_model in groupby(sorted(named, key=lambda item: item.key), key=lambda item: item.key[:2]):
        counts = _delete_days(database, list(of_model))
        deleted, deleted_labels = deleted + counts[0], deleted_labels + counts[1]
    deleted_labels += _delete_waiting_labels(database, before_us)
    note_sweep(database, "events", days, deleted=deleted, labels=deleted_labels)
    return deleted


def sweep_lake(database: Database, lake: "Lake", settings: Settings) -> int | None:
    """Delete processed days older than `lake_retention_days` from the lake; how many."""
    days = settings.retention.lake_days
    if days is None:
        return None
    news = NewsStore(database)
    old = news.ended_before(now_us() - days * DAY_US)
    news.let_go("lake", [item for item in old if item.lake_gone_us is None and item.done])
    named = [item for item in news.ended_before(now_us() - days * DAY_US) if item.lake_gone_us is not None]
    deleted = 0
    for (project_id, model_id), of_model in groupby(sorted(named, key=lambda i: i.key), key=lambda i: i.key[:2]):
        deleted += lake.forget_days(project_id, model_id, [item.day for item in of_model])
    note_sweep(database, "lake", days, deleted=deleted)
    return deleted


def _delete_days(database: Database, items: Sequence[DayNews]) -> tuple[int, int]:
    """Delete events of days of one model; how many, and how many labels went with them."""
    project_id, model_id, _ = items[0].key
    of_model = and_(events.c.project_id == project_id, events.c.model_id == model_id)
    with database.read() as connection:
        first_us = connection.scalar(select(func.min(events.c.ts_us)).where(of_model))
    deleted = deleted_labels = 0
    for item in items:
        start_us, end_us = item.bounds_us
        if first_us is None or end_us <= first_us:
            continue
        of_day = and_(of_model, events.c.ts_us >= start_us, events.c.ts_us < end_us)
        ids = select(events.c.event_id).where(of_day).limit(_PIECE_ROWS)
        while True:
            with database.write() as connection:
                piece = list(connection.scalars(ids))
                of_piece = and_(labels.c.project_id == project_id, labels.c.event_id.in_(piece))
                deleted_labels += connection.execute(delete(labels).where(of_piece)).rowcount
                gone = and_(events.c.project_id == project_id, events.c.event_id.in_(piece))
                deleted += connection.execute(delete(events).where(gone)).rowcount
            if len(piece) < _PIECE_ROWS:
                break
    return deleted, deleted_labels


def _delete_waiting_labels(database: Database, before_us: int) -> int:
    """Delete labels whose events never came."""
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
    """Put a sweep that has deleted something on the ledger."""
    if any(counts.values()):
        details = msgspec.json.encode({"kind": kind, "retention_days": days, **counts}).decode()
        entry = Entry(at_us=now_us(), route="retention", method="SWEEP", status=_DONE, details=details)
        LedgerStore(database, None).append([entry])
