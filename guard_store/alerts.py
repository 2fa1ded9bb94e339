"""Alerts as they are raised: one row each, once. Who is told about them does not belong here."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from guard_store.database import Database
from guard_store.local_days import now_us
from guard_store.tables import alert_events


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person should know."""

    id: str
    project_id: str
    model_id: str | None
    kind: str
    dedup_key: str
    severity: str
    message: str
    details: Mapping[str, Any]
    request_id: str | None
    created_us: int


def write_alert(
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
) -> None:
    """Raise an alert in the transaction of what caused it; one with the same `dedup_key` is raised once."""
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
    }
    of = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(of(alert_events).values(row).on_conflict_do_nothing())


class AlertStore:
    """Reads alerts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, project_id: str, limit: int) -> Sequence[Alert]:
        """The alerts of a project, newest first."""
        statement = (
            select(alert_events)
            .where(alert_events.c.project_id == project_id)
            .order_by(alert_events.c.created_us.desc(), alert_events.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [Alert(**row._mapping) for row in connection.execute(statement)]
