"""Stored alerts: reading them and their history, acknowledging and muting them.

Opening, updating and resolving alerts is `fold`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update

from guard_core.alerting.alert_state import Alert
from guard_core.days import now_us
from guard_store.alerts.tables import alert_history, alerts
from guard_store.db.conditions import of_model
from guard_store.db.database import Database
from guard_store.retraining.decisions import Actor


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the history of an alert; `announced` is whether a message was written about it."""

    at_us: int
    action: str
    text: str
    day: str | None
    announced: bool
    key_id: str | None
    request_id: str | None


STEP_COLUMNS = tuple(Step.__dataclass_fields__)


class AlertStore:
    """Reads alerts, acknowledges and mutes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, alert_id: str) -> Alert | None:
        """Return an alert by its id."""
        with self._database.read() as connection:
            row = connection.execute(select(alerts).where(alerts.c.id == alert_id)).one_or_none()
        return None if row is None else Alert(**row._mapping)

    def page(
        self, filters: Mapping[str, str | None], *, before: tuple[int, str] | None = None, limit: int
    ) -> Sequence[Alert]:
        """Return alerts, newest first, after the position `before` (instant, id).

        Parameters
        ----------
        filters : required value by column; None allows any value.
        """
        c = alerts.c
        conditions: list[ColumnElement[bool]] = [
            c[name] == value for name, value in filters.items() if value is not None
        ]
        if before is not None:
            conditions.append(or_(c.opened_us < before[0], and_(c.opened_us == before[0], c.id > before[1])))
        statement = select(alerts).where(*conditions).order_by(c.opened_us.desc(), c.id).limit(limit)
        with self._database.read() as connection:
            return [Alert(**row._mapping) for row in connection.execute(statement)]

    def open_of(self, project_id: str, model_id: str | None = None) -> Sequence[Alert]:
        """Return the open alerts of a project, or of one of its models."""
        c = alerts.c
        conditions = [c.project_id == project_id, c.state == "open"]
        if model_id is not None:
            conditions.append(c.model_id == model_id)
        with self._database.read() as connection:
            return [Alert(**row._mapping) for row in connection.execute(select(alerts).where(*conditions))]

    def of_day(self, project_id: str, model_id: str, day: str) -> Sequence[Alert]:
        """Return the alerts about a model that were open on a local day, newest first."""
        c = alerts.c
        was_open = and_(c.since_day <= day, or_(c.state == "open", c.day >= day))
        statement = select(alerts).where(of_model(alerts, project_id, model_id), was_open)
        with self._database.read() as connection:
            return [Alert(**row._mapping) for row in connection.execute(statement.order_by(c.opened_us.desc(), c.id))]

    def history(self, alert_id: str) -> Sequence[Step]:
        """Return the history of an alert, oldest step first."""
        c = alert_history.c
        columns = [c[name] for name in STEP_COLUMNS]
        with self._database.read() as connection:
            rows = connection.execute(select(*columns).where(c.alert_id == alert_id).order_by(c.seq))
            return [Step(**row._mapping) for row in rows]

    def acknowledge(self, alert_id: str, reason: str, actor: Actor) -> bool:
        """Acknowledge an open alert: only its end is notified from now on. Return whether it was open."""
        values = {"acknowledged_us": now_us(), "acknowledged_by": actor.key_id, "acknowledged_reason": reason}
        return self._change(alert_id, values, "acknowledged", reason, actor)

    def mute(self, alert_id: str, until_us: int | None, reason: str, actor: Actor) -> bool:
        """Mute an open alert until an instant, or with None unmute it; return whether it was open."""
        action = "unmuted" if until_us is None else "muted"
        return self._change(alert_id, {"muted_until_us": until_us}, action, reason, actor)

    def open_by_severity(self) -> dict[str, int]:
        """Return the number of open alerts by severity."""
        statement = select(alerts.c.severity, func.count().label("n")).where(alerts.c.state == "open")
        with self._database.read() as connection:
            return {row.severity: int(row.n) for row in connection.execute(statement.group_by(alerts.c.severity))}

    def _change(self, alert_id: str, values: Mapping[str, Any], action: str, text: str, actor: Actor) -> bool:
        is_open = and_(alerts.c.id == alert_id, alerts.c.state == "open")
        step = {
            "alert_id": alert_id,
            "at_us": now_us(),
            "action": action,
            "text": text,
            "day": None,
            "announced": False,
            "key_id": actor.key_id,
            "request_id": actor.request_id,
        }
        with self._database.write() as connection:
            if not connection.execute(update(alerts).where(is_open).values(dict(values))).rowcount:
                return False
            connection.execute(insert(alert_history), step)
        return True
