"""Service behind the routes of incidents: each with its alerts, in a few statements for all."""

from collections.abc import Mapping, Sequence
from typing import Any

from guard_core.alerting.alert_state import Alert
from guard_core.alerting.policy import SEVERITIES, worst
from guard_core.days import from_microseconds
from guard_store.alerts.incidents import Incident, IncidentStore
from guard_store.alerts.outbox import Outbox
from serving.alerts.incident_schemas import IncidentDetail, IncidentStep, IncidentView
from serving.alerts.schemas import AlertView, DeliveryView, StepView
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import NotFound

_START = (2**62, "")


class IncidentService:
    """Reads incidents."""

    def __init__(self, incidents: IncidentStore, outbox: Outbox) -> None:
        self._incidents = incidents
        self._outbox = outbox

    def page(self, filters: Mapping[str, str | None], cursor: str | None, limit: int) -> Page[IncidentView]:
        """Return a page of the incidents that match all filters (value by column), newest first."""
        before = decode_cursor(cursor, tuple[int, str], _START)
        incidents = self._incidents.page(filters, before=before, limit=limit + 1)
        alerts = self._incidents.alerts([incident.id for incident in incidents])
        return page_of(
            incidents,
            limit,
            position=lambda incident: (incident.opened_us, incident.id),
            item=lambda incident: IncidentView(**_fields_of(incident, alerts[incident.id])),
        )

    def find(self, incident_id: str) -> Incident:
        """Return an incident by its id.

        Raises
        ------
        NotFound
            If there is none.
        """
        incident = self._incidents.get(incident_id)
        if incident is None:
            raise NotFound(f"There is no incident {incident_id!r}.")
        return incident

    def detail(self, incident: Incident) -> IncidentDetail:
        """Return an incident as a thread."""
        alerts = self._incidents.alerts([incident.id])[incident.id]
        kinds = {alert.id: alert.kind for alert in alerts}
        return IncidentDetail(
            **_fields_of(incident, alerts),
            history=[
                IncidentStep(**StepView.of(step).model_dump(), alert_id=alert_id, kind=kinds[alert_id])
                for alert_id, step in self._incidents.steps(incident.id)
            ],
            deliveries=[DeliveryView.of(message) for message in self._outbox.of_incident(incident.id)],
        )


def _fields_of(incident: Incident, alerts: Sequence[Alert]) -> dict[str, Any]:
    ranked = sorted(alerts, key=lambda alert: (alert.state != "open", -SEVERITIES.index(alert.severity)))
    return {
        "id": incident.id,
        "project_id": incident.project_id or None,
        "model_id": incident.model_id or None,
        "state": incident.state,
        "severity": worst([alert.severity for alert in ranked if alert.state == incident.state]),
        "title": incident.thread,
        "opened_at": from_microseconds(incident.opened_us),
        "resolved_at": None if incident.resolved_us is None else from_microseconds(incident.resolved_us),
        "message_count": incident.messages,
        "alerts": [AlertView.of(alert) for alert in ranked],
    }
