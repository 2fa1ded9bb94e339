"""Facts as tests write them, and what has become of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select

from guard_core.alerting.alert_state import Alert
from guard_core.alerting.facts import Op
from guard_core.alerting.policy import Policy
from guard_core.days import microseconds
from guard_core.settings import Settings
from guard_store.alerts.facts import key_of, write_fact
from guard_store.alerts.fold import fold
from guard_store.alerts.outbox import Delivery, Outbox
from guard_store.alerts.policies import PolicyStore
from guard_store.alerts.tables import alerts
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from tests.support.settings import settings_of

PROJECT, MODEL = "flights", "late"
ZONE = "America/New_York"


def instant(text: str) -> int:
    """Convert an ISO instant to microseconds."""
    return microseconds(datetime.fromisoformat(text))


@dataclass
class Facts:
    """Facts of one project, written and folded at instants that a test chooses."""

    database: Database
    routes: Sequence[str] = ("oncall",)
    at: str = "2013-03-05T12:00:00Z"
    written: int = field(default=0, init=False)
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        self.settings = settings_of(alert_routes=self.route_urls(self.routes))
        if ProjectStore(self.database).get(PROJECT) is None:
            ProjectStore(self.database).create(PROJECT, "Flights", ZONE)

    @staticmethod
    def route_urls(names: Sequence[str]) -> dict[str, SecretStr]:
        """Return a route of each name."""
        return {name: SecretStr(f"file:///nowhere/{name}") for name in names}

    def policy(self, name: str, **rule: Any) -> None:
        """Put a policy."""
        PolicyStore(self.database).put(PROJECT, Policy.model_validate({"name": name, **rule}), None)

    def write(
        self,
        kind: str,
        subject: str,
        message: str = "Something.",
        *,
        op: Op = "fires",
        day: str | None = None,
        **details: Any,
    ) -> None:
        """Write a fact."""
        self.written += 1
        with self.database.write() as connection:
            write_fact(
                connection,
                PROJECT,
                details.pop("model", MODEL),
                kind=kind,
                dedup_key=details.pop("dedup_key", key_of(subject, self.written, self.at)),
                severity="warning",
                message=message,
                details=details,
                request_id="request-1",
                op=op,
                subject=subject,
                day=day,
            )

    def drift(self, day: str, *, op: Op = "fires", message: str = "Drift in temp.", **details: Any) -> None:
        """Write the fact that the pipelines write about a day in drift."""
        self.write("drift", "policy/drift/drift", message, op=op, day=day, policy="drift", **details)

    def fold(self, at: str | None = None) -> list[Delivery]:
        """Fold the facts at an instant, and return the messages that result."""
        self.at = at or self.at
        known = {message.id for message in self.messages()}
        fold(self.database, self.settings, gather_s=-1e9, at_us=instant(self.at))
        return [message for message in self.messages() if message.id not in known]

    def messages(self) -> list[Delivery]:
        """Read all messages, in the order in which they were written."""
        found = Outbox(self.database).page(project_id=None, state=None, before=None, limit=1000)
        return sorted(found, key=lambda message: (message.created_us, message.seq))

    def alerts(self) -> list[Alert]:
        """Read all alerts, oldest first."""
        with self.database.read() as connection:
            rows = connection.execute(select(alerts).order_by(alerts.c.opened_us, alerts.c.id)).all()
        return [Alert(**row._mapping) for row in rows]


def add_project(database: Database, project_id: str) -> None:
    """Store another project."""
    ProjectStore(database).create(project_id, project_id, "UTC")
