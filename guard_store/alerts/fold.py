"""Fold facts into alerts, and changes of alerts into messages of the outbox: one transaction per model, each fact once.

A fact is committed together with its cause. Folding it and marking it as folded is one transaction, too. How a fact changes
alerts is decided by `guard_core.alerting.alert_state`.
"""

import logging
import uuid
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, and_, func, insert, select, text, update

from guard_core.alerting.alert_state import Alert, Change, Machine, Rules
from guard_core.alerting.facts import Fact
from guard_core.alerting.links import Addresses
from guard_core.alerting.policy import in_force
from guard_core.alerting.texts import compose, payload_of
from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_store.alerts.facts import write_fact
from guard_store.alerts.policies import read_policies
from guard_store.alerts.tables import alert_events, alert_history, alert_messages, alerts, incidents
from guard_store.db.database import Database
from guard_store.projects.tables import projects

_log = logging.getLogger(__name__)
_LOCK_KEY = 0x616C65727473  # "alerts" in ASCII
_MAX_FACTS = 500

GATHER_S = 5
"""Seconds that facts of one model wait for others, so that related facts share a message."""

_Model = tuple[str, str]


def fold(database: Database, settings: Settings, *, gather_s: float = GATHER_S, at_us: int | None = None) -> int:
    """Fold the waiting facts; return the number of facts folded."""
    at = now_us() if at_us is None else at_us
    _end_expired(database, at)
    folded = 0
    for model in _waiting(database, at - int(gather_s * SECOND_US)):
        try:
            with database.write() as connection:
                folded += _ModelFold(connection, settings, model, at).run()
        except Exception:  # noqa: BLE001 - logged; the other models go on
            # The facts of this model stay unfolded and are retried; those of other models must not wait for them.
            _log.exception("facts could not be folded", extra={"project_id": model[0], "model_id": model[1]})
    return folded


def _waiting(database: Database, before_us: int) -> list[_Model]:
    """Return the models whose oldest unfolded fact has waited long enough."""
    model_id = func.coalesce(alert_events.c.model_id, "").label("model_id")
    statement = (
        select(alert_events.c.project_id, model_id)
        .where(alert_events.c.folded_us.is_(None), alert_events.c.created_us <= before_us)
        .group_by(alert_events.c.project_id, model_id)
        .order_by(func.min(alert_events.c.created_us))
    )
    with database.read() as connection:
        return [(row.project_id, row.model_id) for row in connection.execute(statement)]


def _end_expired(database: Database, at_us: int) -> None:
    """Write a clearing fact for each open alert that has expired."""
    expired = and_(alerts.c.state == "open", alerts.c.expires_us <= at_us)
    with database.read() as connection:
        has_expired = connection.scalar(select(alerts.c.id).where(expired).limit(1)) is not None
    if not has_expired:
        return
    with database.write() as connection:
        for row in connection.execute(select(alerts).where(expired)).all():
            write_fact(
                connection,
                row.project_id,
                row.model_id or None,
                kind=row.kind,
                dedup_key=f"expired/{row.id}",
                severity=row.severity,
                message="Its period is over; the budget starts again from zero.",
                details={},
                request_id=None,
                op="clears",
                subject=row.subject,
            )


@dataclass(frozen=True)
class _ModelFold:
    """Folds the facts of one model in one transaction."""

    connection: Connection
    settings: Settings
    model: _Model
    at_us: int

    def run(self) -> int:
        if self.connection.dialect.name == "postgresql":  # SQLite's only writer needs no other lock
            self.connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        facts = self._facts()
        if not facts:
            return 0
        rules = self._rules()
        open_alerts = self._open_alerts()
        machine = Machine(open_alerts, rules)
        for fact in facts:
            machine.apply(fact)
        if machine.touched:
            self._store(machine, {alert.id for alert in open_alerts}, rules)
        ids = [fact.id for fact in facts]
        mark = update(alert_events).where(alert_events.c.id.in_(ids)).values(folded_us=self.at_us)
        self.connection.execute(mark)
        return len(facts)

    def _facts(self) -> list[Fact]:
        c = alert_events.c
        of_model = and_(c.project_id == self.model[0], func.coalesce(c.model_id, "") == self.model[1])
        unfolded = select(alert_events).where(of_model, c.folded_us.is_(None)).order_by(c.created_us, c.id)
        facts = [Fact(**row._mapping) for row in self.connection.execute(unfolded.limit(_MAX_FACTS))]
        addresses = Addresses.of(self.settings)
        return [
            replace(fact, details={**fact.details, "links": addresses.urls(fact.details.get("links", {}))})
            for fact in facts
        ]

    def _open_alerts(self) -> list[Alert]:
        c = alerts.c
        of_model = and_(c.project_id == self.model[0], c.model_id == self.model[1])
        rows = self.connection.execute(select(alerts).where(of_model, c.state == "open").order_by(c.opened_us, c.id))
        return [Alert(**row._mapping) for row in rows]

    def _rules(self) -> Rules:
        project_id = self.model[0]
        zone = self.connection.scalar(select(projects.c.timezone).where(projects.c.id == project_id))
        policies = in_force(read_policies(self.connection, project_id))
        return Rules(policies, zone or self.settings.server.timezone, sorted(self.settings.alert.routes), self.at_us)

    def _store(self, machine: Machine, stored_ids: set[str], rules: Rules) -> None:
        incident_id = self._ensure_incident()
        for alert in machine.touched.values():
            alert.incident_id = incident_id
            if alert.id in stored_ids:
                self.connection.execute(update(alerts).where(alerts.c.id == alert.id).values(asdict(alert)))
            else:
                self.connection.execute(insert(alerts), asdict(alert))
        for change in machine.changes:
            self.connection.execute(insert(alert_history), self._history_row(change))
        for route in sorted({route for change in machine.changes for route in change.due_us}):
            self._write_message(incident_id, route, machine, rules.timezone)
        if not machine.open:
            values = {"state": "resolved", "resolved_us": self.at_us}
            self.connection.execute(update(incidents).where(incidents.c.id == incident_id).values(values))

    def _ensure_incident(self) -> str:
        """Return the id of the model's open incident; create one if there is none."""
        c = incidents.c
        of_model = and_(c.project_id == self.model[0], c.model_id == self.model[1], c.state == "open")
        incident_id: str | None = self.connection.scalar(select(c.id).where(of_model))
        if incident_id is not None:
            return incident_id
        row = {
            "id": uuid.uuid4().hex,
            "project_id": self.model[0],
            "model_id": self.model[1],
            "state": "open",
            "thread": None,
            "messages": 0,
            "opened_us": self.at_us,
            "resolved_us": None,
        }
        self.connection.execute(insert(incidents), row)
        return str(row["id"])

    def _history_row(self, change: Change) -> dict[str, object]:
        return {
            "alert_id": change.alert.id,
            "at_us": self.at_us,
            "action": change.action,
            "text": change.text,
            "day": change.fact.day,
            "announced": bool(change.due_us),
            "key_id": None,
            "request_id": change.fact.request_id,
        }

    def _write_message(self, incident_id: str, route: str, machine: Machine, timezone: str) -> None:
        changes = [change for change in machine.changes if route in change.due_us]
        still_open = [alert for alert in machine.open.values() if route in alert.routes]
        public_url = self.settings.server.public_address
        message = compose(changes, still_open, timezone=timezone, public_url=public_url)
        due = min(change.due_us[route] for change in changes)
        seq, thread = self._next_number(incident_id, message.title)
        message_id = uuid.uuid4().hex
        # Earlier messages that wait for the end of quiet hours are sent before an urgent one, to keep their order.
        of_route = and_(alert_messages.c.incident_id == incident_id, alert_messages.c.route == route)
        unsent = and_(of_route, alert_messages.c.state == "waiting", alert_messages.c.attempts == 0)
        hurry = update(alert_messages).where(unsent, alert_messages.c.due_us > due)
        self.connection.execute(hurry.values(due_us=due))
        row = {
            "id": message_id,
            "incident_id": incident_id,
            "route": route,
            "seq": seq,
            "title": message.title,
            "body": message.body,
            "payload": {
                "id": message_id,
                "incident_id": incident_id,
                "seq": seq,
                "thread": thread,
                **payload_of(changes, message, public_url),
            },
            "created_us": self.at_us,
            "due_us": due,
            "state": "waiting",
            "attempts": 0,
            "newest_attempts": [],
        }
        self.connection.execute(insert(alert_messages), row)

    def _next_number(self, incident_id: str, title: str) -> tuple[int, str]:
        """Count a message; return its number, and the subject of the thread, which is the title of the first message."""
        c = incidents.c
        seq, thread = self.connection.execute(select(c.messages, c.thread).where(c.id == incident_id)).one()
        values = {"messages": seq + 1, "thread": thread or title}
        self.connection.execute(update(incidents).where(c.id == incident_id).values(values))
        return seq + 1, thread or title
