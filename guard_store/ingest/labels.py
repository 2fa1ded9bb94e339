"""Count stored labels on the days of their events, and those whose event has not arrived yet.

Writing labels is `step`. The lake (`guard_store.lake.rows`) reads events with the join of this module, `with_newest_label`.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, FromClause, Row, and_, func, select, text, update

from guard_core.days import local_days, now_us
from guard_store.day_state.tables import day_states
from guard_store.db.conditions import of_day
from guard_store.db.database import Database
from guard_store.ingest.tables import events, labels
from guard_store.projects.tables import projects

_CHUNK = 10_000
_NEWEST_FIRST = (labels.c.observed_us.desc(), labels.c.seq.desc())
"""The first label of an event in this order counts: observed last, and among those stored last."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label of an event; `y_true` is JSON text."""

    y_true: str
    observed_us: int
    received_us: int


class LabelStore:
    """Counts labels on local days, and finds the label of an event."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count_on_days(self, chunk: int = _CHUNK) -> int:
        """Count each label whose event is stored on the local day of that event; return the number of labels.

        Labels are written without a check of their events, which may arrive after them: both are joined here. Each
        chunk is one transaction, so that a label is counted exactly once.
        """
        count, after = 0, 0
        while True:
            with self._database.write() as connection:
                rows = _waiting_with_event(connection, after, chunk)
                _count_on_days(connection, rows)
            count += len(rows)
            if len(rows) < chunk:
                return count
            after = rows[-1].seq

    def newest(self, project_id: str, event_id: str) -> Label | None:
        """Return the label of an event that counts."""
        c = labels.c
        statement = (
            select(c.y_true, c.observed_us, c.received_us)
            .where(c.project_id == project_id, c.event_id == event_id)
            .order_by(*_NEWEST_FIRST)
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Label(**row._mapping)

    def waiting(self, project_id: str) -> int:
        """Return how many labels of a project wait for their event, or for the next call of `settle`."""
        statement = select(func.count()).select_from(labels).where(_waiting(), labels.c.project_id == project_id)
        with self._database.read() as connection:
            return connection.scalar(statement) or 0


def with_newest_label() -> FromClause:
    """Join events with the version of their label that counts."""
    newest = (
        select(labels.c.seq)
        .where(labels.c.project_id == events.c.project_id, labels.c.event_id == events.c.event_id)
        .order_by(*_NEWEST_FIRST)
        .limit(1)
        .correlate(events)
        .scalar_subquery()
    )
    return events.outerjoin(labels, labels.c.seq == newest)


def _waiting() -> Any:
    # Written as in the index: for "waiting = 1", SQLite would not use the index and would read all labels each time.
    return text("labels.waiting")


def _waiting_with_event(connection: Connection, after: int, limit: int) -> list[Row[Any]]:
    of_event = and_(labels.c.project_id == events.c.project_id, labels.c.event_id == events.c.event_id)
    statement = (
        select(labels.c.seq, labels.c.project_id, labels.c.request_id, events.c.model_id, events.c.ts_us)
        .join_from(labels, events, of_event)
        .where(_waiting(), labels.c.seq > after)
        .order_by(labels.c.seq)
        .limit(limit)
        .with_for_update(of=labels, skip_locked=True)
    )
    return list(connection.execute(statement))


def _count_on_days(connection: Connection, labels_with_event: list[Row[Any]]) -> None:
    zones = _locked_zones(connection, {row.project_id for row in labels_with_event})
    by_day: defaultdict[tuple[str, str, str], list[Row[Any]]] = defaultdict(list)
    for project_id, zone in zones.items():
        of_project = [row for row in labels_with_event if row.project_id == project_id]
        days = local_days(zone).of_many(np.array([row.ts_us for row in of_project], np.int64))
        for row, day in zip(of_project, days.astype(str).tolist(), strict=True):
            by_day[project_id, row.model_id, day].append(row)
    # In the order of their keys, as every transaction locks day states.
    for (project_id, model_id, day), rows in sorted(by_day.items()):
        values = {
            "labels": day_states.c.labels + len(rows),
            "revision": day_states.c.revision + 1,
            "changes": day_states.c.changes + 1,
            "request_id": rows[-1].request_id,
            "changed_us": now_us(),
        }
        connection.execute(update(day_states).where(of_day(day_states, project_id, model_id, day)).values(values))
    if labels_with_event:
        settled = labels.c.seq.in_([row.seq for row in labels_with_event])
        connection.execute(update(labels).where(settled).values(waiting=False))


def _locked_zones(connection: Connection, project_ids: set[str]) -> dict[str, str]:
    # A shared lock, as writers of events take it: a change of zone, which reassigns all events to days, must wait.
    statement = (
        select(projects.c.id, projects.c.timezone)
        .where(projects.c.id.in_(sorted(project_ids)))
        .order_by(projects.c.id)
        .with_for_update(read=True)
    )
    return {row.id: row.timezone for row in connection.execute(statement)}
