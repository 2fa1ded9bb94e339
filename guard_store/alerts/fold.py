"""Facts into alerts, and alerts into messages of the outbox: one transaction for each model, each fact once.

A fact is durable with what caused it; here it is read, takes effect and is marked, or none of the three. What follows from
a fact is decided in `machine.py`.
"""

import logging
import uuid
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, and_, func, insert, select, text, update

from guard_core.alerting.facts import Fact
from guard_core.alerting.links import Addresses
from guard_core.alerting.machine import Alert, Change, Machine, Rules
from guard_core.alerting.policy import in_force
from guard_core.alerting.texts import compose, payload_of
from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_store.alerts.facts import write_alert
from guard_store.alerts.policies import own_policies
from guard_store.alerts.tables import alert_events, alert_history, alert_messages, alerts, incidents
from guard_store.db.database import Database
from guard_store.projects.tables import projects

_log = logging.getLogger(__name__)
_LOCK_KEY = 0x616C65727473  # "alerts" in ASCII
_MOST_FACTS = 500

GATHER_S = 5
"""Seconds that facts of one model wait for others, so that what belongs together is told together."""

_Model = tuple[str, str]


def fold(database: Database, settings: Settings, *, gather_s: float = GATHER_S, at_us: int | None = None) -> int:
    """Let the facts that wait take effect; returns how many did."""
    at = now_us() if at_us is None else at_us
    _end_expired(database, at)
    folded = 0
    for model in _waiting(database, at - int(gather_s * SECOND_US)):
        try:
            with database.write() as connection:
                folded += _Folding(connection, settings, model, at).run()
        except Exception:  # noqa: BLE001 - logged; stops no other model
            # The facts of this model stay and are tried again; those of others must not wait for them.
            _log.exception("facts could not be folded", extra={"project_id": model[0], "model_id": model[1]})
    return folded


def _waiting(database: Database, before_us: int) -> list[_Model]:
    """Models with facts of which the oldest has waited long enough."""
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
    """Write that what holds for a time only is over."""
    over = and_(alerts.c.state == "open", alerts.c.expires_us <= at_us)
    with database.read() as connection:
        found = connection.execute(select(alerts.c.id).where(over).limit(1)).all()
    if not found:
        return
    with database.write() as connection:
        for row in connection.execute(select(alerts).where(over)).all():
            write_alert(
                connection,
                row.project_id,
                row.model_id or None,
                kind=row.kind,
                dedup_key=f"expired/{row.id}",
                severity=row.severity,
                message="Its time is over, it counts from zero again.",
                details={},
                request_id=None,
                op="clears",
                subject=row.subject,
            )


@dataclass(frozen=True)
class _Folding:
    """The facts of one model, in one transaction."""

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
        names = [fact.id for fact in facts]
        marked = update(alert_events).where(alert_events.c.id.in_(names)).values(folded_us=self.at_us)
        self.connection.execute(marked)
        return len(facts)

    def _facts(self) -> list[Fact]:
        c = alert_events.c
        of_model = and_(c.project_id == self.model[0], func.coalesce(c.model_id, "") == self.model[1])
        waiting = select(alert_events).where(of_model, c.folded_us.is_(None)).order_by(c.created_us, c.id)
        found = [Fact(**row._mapping) for row in self.connection.execute(waiting.limit(_MOST_FACTS))]
        addresses = Addresses.of(self.settings)
        return [
            replace(fact, details={**fact.details, "links": addresses.urls(fact.details.get("links", {}))})
            for fact in found
        ]

    def _open_alerts(self) -> list[Alert]:
        c = alerts.c
        of_model = and_(c.project_id == self.model[0], c.model_id == self.model[1])
        found = self.connection.execute(select(alerts).where(of_model, c.state == "open").order_by(c.opened_us, c.id))
        return [Alert(**row._mapping) for row in found]

    def _rules(self) -> Rules:
        project_id = self.model[0]
        zone = self.connection.scalar(select(projects.c.timezone).where(projects.c.id == project_id))
        policies = in_force(own_policies(self.connection, project_id))
        return Rules(policies, zone or self.settings.server.timezone, sorted(self.settings.alert.routes), self.at_us)

    def _store(self, machine: Machine, known: set[str], rules: Rules) -> None:
        incident_id = self._incident()
        for alert in machine.touched.values():
            alert.incident_id = incident_id
            if alert.id in known:
                self.connection.execute(update(alerts).where(alerts.c.id == alert.id).values(asdict(alert)))
            else:
                self.connection.execute(insert(alerts), asdict(alert))
        for change in machine.changes:
            self.connection.execute(insert(alert_history), self._history(change))
        for route in sorted({route for change in machine.changes for route in change.due_us}):
            self._write_message(incident_id, route, machine, rules.timezone)
        if not machine.open:
            ended = {"state": "resolved", "resolved_us": self.at_us}
            self.connection.execute(update(incidents).where(incidents.c.id == incident_id).values(ended))

    def _incident(self) -> str:
        """The open incident of the model, made where there is none."""
        c = incidents.c
        same = and_(c.project_id == self.model[0], c.model_id == self.model[1], c.state == "open")
        found: str | None = self.connection.scalar(select(c.id).where(same))
        if found is not None:
            return found
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

    def _history(self, change: Change) -> dict[str, object]:
        return {
            "alert_id": change.alert.id,
            "at_us": self.at_us,
            "action": change.action,
            "text": change.text,
            "day": change.fact.day,
            "told": bool(change.due_us),
            "key_id": None,
            "request_id": change.fact.request_id,
        }

    def _write_message(self, incident_id: str, route: str, machine: Machine, timezone: str) -> None:
        changes = [change for change in machine.changes if route in change.due_us]
        still_open = [alert for alert in machine.open.values() if route in alert.routes]
        public_url = self.settings.server.public_address
        message = compose(changes, still_open, timezone=timezone, public_url=public_url)
        due = min(change.due_us[route] for change in changes)
        seq, thread = self._next(incident_id, message.title)
        message_id = uuid.uuid4().hex
        # What waits for the morning comes along with what does not.
        before = and_(alert_messages.c.incident_id == incident_id, alert_messages.c.route == route)
        earlier = and_(before, alert_messages.c.state == "waiting", alert_messages.c.attempts == 0)
        sooner = update(alert_messages).where(earlier, alert_messages.c.due_us > due)
        self.connection.execute(sooner.values(due_us=due))
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
            "tries": [],
        }
        self.connection.execute(insert(alert_messages), row)

    def _next(self, incident_id: str, title: str) -> tuple[int, str]:
        """The number of the next message, and the subject of the thread: the title of its first message."""
        c = incidents.c
        seq, thread = self.connection.execute(select(c.messages, c.thread).where(c.id == incident_id)).one()
        values = {"messages": seq + 1, "thread": thread or title}
        self.connection.execute(update(incidents).where(c.id == incident_id).values(values))
        return seq + 1, thread or title
