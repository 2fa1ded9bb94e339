"""Responses about incidents: the alerts of a model that were open at the same time, as one thread."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from guard_core.alerting.policy import Severity
from serving.alerts.schemas import AlertView, DeliveryView, StepView


class IncidentQuery(BaseModel):
    """Filters and paging of a list of incidents."""

    model_config = ConfigDict(extra="forbid")

    project_id: str | None = None
    model_id: str | None = None
    state: Literal["open", "resolved"] | None = None
    limit: int = Field(50, ge=1, le=200, description="Items of a page at most.")
    cursor: str | None = Field(None, description="`next_cursor` of the previous page.")

    @property
    def filters(self) -> dict[str, str | None]:
        """The values to filter by, keyed by column."""
        return self.model_dump(exclude={"limit", "cursor"})


class IncidentView(BaseModel):
    """An incident and its alerts."""

    id: str
    project_id: str | None = Field(description="Null if all projects are affected.")
    model_id: str | None
    state: Literal["open", "resolved"]
    severity: Severity = Field(description="The worst of its open alerts; once it is resolved, of all.")
    title: str | None = Field(description="Title of its first message; null if no message was written.")
    opened_at: datetime
    resolved_at: datetime | None
    message_count: int
    alerts: list[AlertView] = Field(description="Open ones first, the worst first.")

    @property
    def lead(self) -> AlertView:
        """The alert shown for the incident: the worst of the open ones."""
        return self.alerts[0]

    @property
    def is_acknowledged(self) -> bool:
        """Whether every open alert is acknowledged."""
        return all(alert.acknowledged_at is not None for alert in self.alerts if alert.state == "open")


class IncidentStep(StepView):
    """A change of one of the alerts of an incident."""

    alert_id: str
    kind: str = Field(description="Present kind of the alert.")


class IncidentDetail(IncidentView):
    """An incident as a thread: what happened to its alerts, and the messages about it."""

    history: list[IncidentStep] = Field(description="Steps of all alerts in order of time.")
    deliveries: list[DeliveryView] = Field(description="Its messages with their attempts, in their order.")
