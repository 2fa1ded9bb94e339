"""Requests and responses about alerts, alert policies and delivery."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from guard_core.alerting.alert_state import Alert
from guard_core.alerting.policy import Kind, Policy, Rule, Severity
from guard_core.days import from_microseconds
from guard_store.alerts.outbox import Delivery
from guard_store.alerts.store import Step


class AlertQuery(BaseModel):
    """Filters and paging of a list of alerts."""

    model_config = ConfigDict(extra="forbid")

    project_id: str | None = None
    model_id: str | None = None
    state: Literal["open", "resolved"] | None = None
    severity: Severity | None = None
    kind: Kind | None = None
    incident_id: str | None = None
    limit: int = Field(100, ge=1, le=1000, description="Items of a page at most.")
    cursor: str | None = Field(None, description="`next_cursor` of the previous page.")

    @property
    def filters(self) -> dict[str, str | None]:
        """The values to filter by, keyed by column."""
        return self.model_dump(exclude={"limit", "cursor"})


class Reason(BaseModel):
    """The reason for an action; it is recorded."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=1000)


class MuteRequest(Reason):
    """Until when an alert sends no messages."""

    until: AwareDatetime = Field(description="Instant with an offset.")


class AlertView(BaseModel):
    """An alert: its subject and its state."""

    id: str
    incident_id: str = Field(
        description="Alerts of a model that are open at the same time share one incident, and one thread."
    )
    project_id: str | None = Field(description="Null if all projects are affected.")
    model_id: str | None
    kind: str
    severity: str
    state: str
    summary: str
    since_day: str | None = Field(description="First local day on which the condition held.")
    day: str | None = Field(description="Newest local day on which the condition was evaluated.")
    value: float | None = Field(description="Size of the problem; larger is worse.")
    details: Mapping[str, Any]
    opened_at: datetime
    changed_at: datetime
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_reason: str | None
    muted_until: datetime | None

    @classmethod
    def of(cls, alert: Alert) -> "AlertView":
        """Convert a stored alert."""
        return cls(**_fields_of(alert))


class StepView(BaseModel):
    """A change of an alert."""

    at: datetime
    action: str = Field(description="opened, updated, noted, acknowledged, muted, unmuted or resolved.")
    text: str
    day: str | None
    announced: bool = Field(description="Whether the change was announced in a message.")
    key_id: str | None
    request_id: str | None

    @classmethod
    def of(cls, step: Step) -> "StepView":
        """Convert a stored step."""
        return cls(
            at=from_microseconds(step.at_us),
            action=step.action,
            text=step.text,
            day=step.day,
            announced=step.announced,
            key_id=step.key_id,
            request_id=step.request_id,
        )


class AttemptView(BaseModel):
    """An attempt to send a message."""

    at: datetime
    error: str | None = Field(description="Null if the message was sent.")


class DeliveryView(BaseModel):
    """A message to one route."""

    id: str = Field(description="The same for every attempt, so that receivers can discard repetitions.")
    incident_id: str
    project_id: str | None
    model_id: str | None
    route: str
    seq: int = Field(description="Order within the incident.")
    title: str
    text: str
    page: str | None = Field(description="Address of the page that the message is about.")
    state: str = Field(description="waiting, sent or dead.")
    attempts: int
    newest_attempts: list[AttemptView] = Field(description="The newest attempts, oldest first.")
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryView":
        """Convert a stored message."""
        return cls(
            id=delivery.id,
            incident_id=delivery.incident_id,
            project_id=delivery.project_id or None,
            model_id=delivery.model_id or None,
            route=delivery.route,
            seq=delivery.seq,
            title=delivery.title,
            text=delivery.body,
            page=delivery.payload.get("page"),
            state=delivery.state,
            attempts=delivery.attempts,
            newest_attempts=[
                AttemptView(at=from_microseconds(attempt["at_us"]), error=attempt["error"])
                for attempt in delivery.newest_attempts
            ],
            created_at=from_microseconds(delivery.created_us),
            due_at=from_microseconds(delivery.due_us),
            sent_at=_instant(delivery.sent_us),
        )


class AlertDetail(AlertView):
    """An alert with its history, and the messages of its incident."""

    history: list[StepView]
    deliveries: list[DeliveryView]

    @classmethod
    def with_history(cls, alert: Alert, steps: list[StepView], deliveries: list[DeliveryView]) -> "AlertDetail":
        """Convert a stored alert together with its history and messages."""
        return cls(**_fields_of(alert), history=steps, deliveries=deliveries)


class PolicyView(Policy):
    """A policy that is in force, and where it is defined."""

    source: Literal["project", "default"]

    @classmethod
    def of(cls, policy: Policy, *, source: Literal["project", "default"]) -> "PolicyView":
        """Convert a policy."""
        return cls(**policy.model_dump(), source=source)


class RouteView(BaseModel):
    """A route that messages can be sent on; its URL contains secrets and is not shown."""

    name: str
    scheme: str


class TrialView(BaseModel):
    """The outcome of a test message."""

    route: str
    sent: bool
    error: str | None = Field(description="Why it could not be sent.")


PolicyRequest = Rule


def _fields_of(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "incident_id": alert.incident_id,
        "project_id": alert.project_id or None,
        "model_id": alert.model_id or None,
        "kind": alert.kind,
        "severity": alert.severity,
        "state": alert.state,
        "summary": alert.summary,
        "since_day": alert.since_day,
        "day": alert.day,
        "value": alert.value,
        "details": alert.details,
        "opened_at": from_microseconds(alert.opened_us),
        "changed_at": from_microseconds(alert.changed_us),
        "resolved_at": _instant(alert.resolved_us),
        "acknowledged_at": _instant(alert.acknowledged_us),
        "acknowledged_by": alert.acknowledged_by,
        "acknowledged_reason": alert.acknowledged_reason,
        "muted_until": _instant(alert.muted_until_us),
    }


def _instant(at_us: int | None) -> datetime | None:
    return None if at_us is None else from_microseconds(at_us)
