"""How long alerts are kept: whole incidents go once they are over and told; of facts, what names them stays.

When this is done is `guard_pipelines`'.
"""

from collections import Counter
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, select, update

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import DAY_US
from guard_store.alerts.outbox import WAITING
from guard_store.alerts.tables import alert_events, alert_history, alert_messages, alerts, incidents
from guard_store.db.database import Database
from guard_store.retention.sweeps import note_sweep

_PIECE_INCIDENTS = 200
_PIECE_FACTS = 2_000


def sweep_alerts(database: Database, settings: Settings) -> int | None:
    """Delete incidents that ended more than `alert_retention_days` ago; how many, None where they are kept for ever.

    An incident goes with its alerts, their history and its messages, also those that were given up; one with a message
    that still waits stays. Of facts as old the text goes and the `dedup_key` stays: what comes up again is not told again.
    """
    days = settings.retention.alert_days
    if days is None:
        return None
    before_us = now_us() - days * DAY_US
    counts: Counter[str] = Counter(deleted=0, alerts=0, messages=0, facts=_empty_facts(database, before_us))
    last = ""
    while True:
        with database.write() as connection:
            found = _over(connection, before_us, last)
            if not found:
                break
            counts.update(_delete(connection, found))
        last = found[-1]
    note_sweep(database, "alerts", days, **counts)
    return counts["deleted"]


def _over(connection: Connection, before_us: int, after_id: str) -> list[str]:
    """Incidents that ended before, of which every message has gone out or was given up."""
    c = incidents.c
    waits = exists().where(alert_messages.c.incident_id == c.id, alert_messages.c.state == WAITING)
    over = and_(c.state == "resolved", c.resolved_us < before_us, c.id > after_id, ~waits)
    return list(connection.scalars(select(c.id).where(over).order_by(c.id).limit(_PIECE_INCIDENTS)))


def _delete(connection: Connection, found: list[str]) -> dict[str, int]:
    of_incident = alert_messages.c.incident_id
    told = and_(of_incident.in_(found), alert_messages.c.state != WAITING)
    messages = connection.execute(delete(alert_messages).where(told)).rowcount
    # One that somebody has sent again this very moment keeps its incident.
    kept = set(connection.scalars(select(of_incident).where(of_incident.in_(found))))
    gone = [incident_id for incident_id in found if incident_id not in kept]
    of_gone = alerts.c.incident_id.in_(gone)
    connection.execute(delete(alert_history).where(alert_history.c.alert_id.in_(select(alerts.c.id).where(of_gone))))
    ended = connection.execute(delete(alerts).where(of_gone)).rowcount
    deleted = connection.execute(delete(incidents).where(incidents.c.id.in_(gone))).rowcount
    return {"deleted": deleted, "alerts": ended, "messages": messages}


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
