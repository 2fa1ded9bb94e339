"""The outbox: the next message of each route, its lease, and the outcome of each attempt.

Messages are sent at least once: if a sender dies before it marks a message as sent, the lease expires and the message is sent
again with the same id. Messages of one incident are sent in their order. Sending is `serving.alerts`.
"""

import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update

from guard_core.days import now_us
from guard_core.units import SECOND_US
from guard_store.alerts.tables import alert_messages, incidents
from guard_store.db.database import Database

WAITING, SENT, DEAD = "waiting", "sent", "dead"
_MAX_NEWEST_ATTEMPTS = 20
_MAX_WAIT_S = 3_600
_MAX_ERROR_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Attachment:
    """An HTML file that goes with a message on routes that take files."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message for one route; the attributes are columns of `alert_messages` and of its incident, and what sending adds."""

    id: str
    incident_id: str
    route: str
    seq: int
    title: str
    body: str
    payload: Mapping[str, Any]
    created_us: int
    due_us: int
    state: str
    attempts: int
    newest_attempts: Sequence[Mapping[str, Any]]
    lease: str | None
    lease_until_us: int | None
    sent_us: int | None
    project_id: str
    model_id: str
    thread: str
    attachment: Attachment | None = None


@dataclass(frozen=True, slots=True)
class Depth:
    """Counts of the outbox; `oldest_us` is when the oldest message that is due was created."""

    waiting: int
    dead: int
    oldest_us: int | None


class Outbox:
    """Leases messages to senders and records the outcome of their attempts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def routes_with_work(self, at_us: int | None = None) -> list[str]:
        """Return the names of the routes on which a message is due."""
        at = now_us() if at_us is None else at_us
        statement = select(alert_messages.c.route).where(_claimable(at)).distinct()
        with self._database.read() as connection:
            return sorted(connection.scalars(statement))

    def claim(self, route: str, *, lease_s: float, at_us: int | None = None) -> Delivery | None:
        """Lease the next message of a route; return None if no message is due or another sender was faster."""
        at = now_us() if at_us is None else at_us
        c = alert_messages.c
        lease = uuid.uuid4().hex
        candidate = _joined().where(c.route == route, _claimable(at)).order_by(c.due_us, c.created_us, c.seq).limit(1)
        with self._database.write() as connection:
            row = connection.execute(candidate).one_or_none()
            if row is None:
                return None
            unchanged = and_(c.id == row.id, c.state == WAITING, c.attempts == row.attempts, _same(c.lease, row.lease))
            values = {"lease": lease, "lease_until_us": at + int(lease_s * SECOND_US)}
            if not connection.execute(update(alert_messages).where(unchanged).values(values)).rowcount:
                return None
        return Delivery(**{**row._mapping, **values})

    def mark_sent(self, delivery: Delivery) -> None:
        """Record that a message was sent."""
        at = now_us()
        values = {
            "state": SENT,
            "sent_us": at,
            "attempts": delivery.attempts + 1,
            "newest_attempts": _add_attempt(delivery, at, None),
            "lease": None,
        }
        # Not only if the lease is still ours: the message was sent, even if another sender now sends it once more.
        with self._database.write() as connection:
            connection.execute(update(alert_messages).where(alert_messages.c.id == delivery.id).values(values))

    def mark_failed(
        self, delivery: Delivery, error: str, *, most_attempts: int, retry_s: float, final: bool = False
    ) -> str:
        """Record a failed attempt; return the new state, waiting or dead. With `final`, the message is not retried."""
        at = now_us()
        attempts = delivery.attempts + 1
        state = DEAD if final or attempts >= most_attempts else WAITING
        wait_s = min(retry_s * 2 ** min(delivery.attempts, 30), _MAX_WAIT_S) * random.uniform(0.8, 1.2)  # noqa: S311
        values = {
            "state": state,
            "attempts": attempts,
            "due_us": at + int(wait_s * SECOND_US),
            "newest_attempts": _add_attempt(delivery, at, error[:_MAX_ERROR_CHARACTERS]),
            "lease": None,
            "lease_until_us": None,
        }
        c = alert_messages.c
        ours = and_(c.id == delivery.id, c.lease == delivery.lease, c.state == WAITING)
        with self._database.write() as connection:
            connection.execute(update(alert_messages).where(ours).values(values))
        return state

    def resend(self, message_id: str) -> bool:
        """Make a dead message due again, with all its attempts; return whether it was dead."""
        c = alert_messages.c
        values = {"state": WAITING, "attempts": 0, "due_us": now_us(), "lease": None, "lease_until_us": None}
        dead = and_(c.id == message_id, c.state == DEAD)
        with self._database.write() as connection:
            return bool(connection.execute(update(alert_messages).where(dead).values(values)).rowcount)

    def get(self, message_id: str) -> Delivery | None:
        """Return a message by its id."""
        deliveries = self._select(alert_messages.c.id == message_id, limit=1)
        return deliveries[0] if deliveries else None

    def of_incident(self, incident_id: str) -> list[Delivery]:
        """Return all messages of an incident, in their order."""
        return self._select(alert_messages.c.incident_id == incident_id, limit=None)

    def page(
        self, *, project_id: str | None, state: str | None, before: tuple[int, str] | None, limit: int
    ) -> list[Delivery]:
        """Return messages, newest first, after the position `before` (instant, id)."""
        c = alert_messages.c
        conditions: list[ColumnElement[bool]] = []
        if project_id is not None:
            conditions.append(incidents.c.project_id == project_id)
        if state is not None:
            conditions.append(c.state == state)
        if before is not None:
            conditions.append(or_(c.created_us < before[0], and_(c.created_us == before[0], c.id > before[1])))
        statement = _joined().where(*conditions).order_by(c.created_us.desc(), c.id).limit(limit)
        with self._database.read() as connection:
            return [Delivery(**row._mapping) for row in connection.execute(statement)]

    def depth(self) -> Depth:
        """Return the numbers of waiting and dead messages, and the time of the oldest message that is due."""
        c = alert_messages.c
        due = and_(c.state == WAITING, c.due_us <= now_us())
        with self._database.read() as connection:
            counts = {
                row.state: int(row.n)
                for row in connection.execute(
                    select(c.state, func.count().label("n")).where(c.state.in_((WAITING, DEAD))).group_by(c.state)
                )
            }
            oldest = connection.scalar(select(func.min(c.created_us)).where(due))
        return Depth(counts.get(WAITING, 0), counts.get(DEAD, 0), oldest)

    def _select(self, condition: ColumnElement[bool], limit: int | None) -> list[Delivery]:
        c = alert_messages.c
        statement = _joined().where(condition).order_by(c.seq, c.route).limit(limit)
        with self._database.read() as connection:
            return [Delivery(**row._mapping) for row in connection.execute(statement)]


def _joined() -> Any:
    of_incident = [incidents.c.project_id, incidents.c.model_id, func.coalesce(incidents.c.thread, "").label("thread")]
    return select(*alert_messages.c, *of_incident).join(incidents, incidents.c.id == alert_messages.c.incident_id)


def _claimable(at_us: int) -> ColumnElement[bool]:
    """Condition: due, not leased, and no earlier message of the incident waits on the same route."""
    c = alert_messages.c
    earlier = alert_messages.alias("earlier")
    waits = exists().where(
        earlier.c.incident_id == c.incident_id,
        earlier.c.route == c.route,
        earlier.c.seq < c.seq,
        earlier.c.state == WAITING,
    )
    free = or_(c.lease.is_(None), c.lease_until_us <= at_us)
    return and_(c.state == WAITING, c.due_us <= at_us, free, ~waits)


def _same(column: Any, value: Any) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = column.is_(None) if value is None else column == value
    return condition


def _add_attempt(delivery: Delivery, at_us: int, error: str | None) -> list[dict[str, Any]]:
    return [*(dict(attempt) for attempt in delivery.newest_attempts), {"at_us": at_us, "error": error}][
        -_MAX_NEWEST_ATTEMPTS:
    ]
