"""Retention of alerts: deletes whole incidents that are over and notified, and the text of old facts.

Scheduling belongs to `guard_pipelines`.
"""

from collections import Counter
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, select, update

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import DAY_US
from guard_store.alerts.outbox import WAITING
from guard_store.alerts.tables import REPORT, alert_events, alert_history, alert_messages, alerts, incidents
from guard_store.db.database import Database
from guard_store.retention.sweeps import note_sweep

_PIECE_INCIDENTS = 200
_PIECE_FACTS = 2_000


def sweep_alerts(database: Database, settings: Settings) -> int | None:
    """Delete incidents that ended more than `retention.alert_days` ago; return how many, None if they are kept for ever.

    An incident is deleted with its alerts, their history and its messages, including dead ones; it stays while a message
    waits. Facts of that age lose their text, but keep their `dedup_key`, so that a repetition is not notified again.
    """
    days = settings.retention.alert_days
    if days is None:
        return None
    before_us = now_us() - days * DAY_US
    counts: Counter[str] = Counter(deleted=0, alerts=0, messages=0, facts=_empty_facts(database, before_us))
    last = ""
    while True:
        with database.write() as connection:
            incident_ids = _old_incidents(connection, before_us, last)
            if not incident_ids:
                break
            counts.update(_delete(connection, incident_ids))
        last = incident_ids[-1]
    note_sweep(database, "alerts", days, **counts)
    return counts["deleted"]


def _old_incidents(connection: Connection, before_us: int, after_id: str) -> list[str]:
    """Return incidents and reports that ended before an instant and whose messages are all sent or dead."""
    c = incidents.c
    waits = exists().where(alert_messages.c.incident_id == c.id, alert_messages.c.state == WAITING)
    over = and_(c.state.in_(("resolved", REPORT)), c.resolved_us < before_us, c.id > after_id, ~waits)
    return list(connection.scalars(select(c.id).where(over).order_by(c.id).limit(_PIECE_INCIDENTS)))


def _delete(connection: Connection, incident_ids: list[str]) -> dict[str, int]:
    of_incident = alert_messages.c.incident_id
    finished = and_(of_incident.in_(incident_ids), alert_messages.c.state != WAITING)
    messages = connection.execute(delete(alert_messages).where(finished)).rowcount
    # An incident stays if a dead message of it was made due again in the meantime.
    remaining = set(connection.scalars(select(of_incident).where(of_incident.in_(incident_ids))))
    deletable = [incident_id for incident_id in incident_ids if incident_id not in remaining]
    of_deleted = alerts.c.incident_id.in_(deletable)
    connection.execute(delete(alert_history).where(alert_history.c.alert_id.in_(select(alerts.c.id).where(of_deleted))))
    deleted_alerts = connection.execute(delete(alerts).where(of_deleted)).rowcount
    deleted = connection.execute(delete(incidents).where(incidents.c.id.in_(deletable))).rowcount
    return {"deleted": deleted, "alerts": deleted_alerts, "messages": messages}


def _empty_facts(database: Database, before_us: int) -> int:
    c = alert_events.c
    old = select(c.id).where(c.folded_us < before_us, c.message != "").limit(_PIECE_FACTS)
    emptied = 0
    while True:
        with database.write() as connection:
            values: dict[str, Any] = {"message": "", "details": {}, "request_id": None}
            piece = connection.execute(update(alert_events).where(c.id.in_(old)).values(values)).rowcount
        emptied += piece
        if piece < _PIECE_FACTS:
            return emptied
