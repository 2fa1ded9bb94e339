"""Facts from which alerts are made: written in the transaction of their cause, each once.

Which routes are notified, and how, is decided in `fold`, when facts are folded into alerts.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from guard_core.alerting.facts import Fact, Op
from guard_core.days import now_us
from guard_store.alerts.tables import alert_events
from guard_store.db.database import Database
from guard_store.db.upsert import dialect_insert


def key_of(*parts: object) -> str:
    """Return a `dedup_key` of parts of any length.

    >>> key_of("days", "p", 1) == key_of("days", "p", 1) != key_of("days", "p1", "")
    True
    """
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def write_fact(
    connection: Connection,
    project_id: str,
    model_id: str | None,
    *,
    kind: str,
    dedup_key: str,
    severity: str,
    message: str,
    details: Mapping[str, Any],
    request_id: str | None,
    op: Op = "fires",
    subject: str | None = None,
    day: str | None = None,
) -> None:
    """Write a fact in the transaction of its cause; facts with the same `dedup_key` are written once."""
    row = {
        "id": uuid.uuid4().hex,
        "project_id": project_id,
        "model_id": model_id,
        "kind": kind,
        "dedup_key": dedup_key,
        "severity": severity,
        "message": message,
        "details": dict(details),
        "request_id": request_id,
        "created_us": now_us(),
        "op": op,
        "subject": subject,
        "day": day,
    }
    connection.execute(dialect_insert(connection, alert_events).values(row).on_conflict_do_nothing())


class FactStore:
    """Reads facts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, project_id: str, limit: int) -> Sequence[Fact]:
        """Return the facts of a project, newest first."""
        statement = (
            select(alert_events)
            .where(alert_events.c.project_id == project_id)
            .order_by(alert_events.c.created_us.desc(), alert_events.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [Fact(**row._mapping) for row in connection.execute(statement)]
