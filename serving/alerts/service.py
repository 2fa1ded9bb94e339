"""Services behind the alert routes: alerts, their messages, and the alert policies of projects.

Sending messages belongs in `delivery`.
"""

from collections.abc import Mapping
from typing import Literal

from guard_core.alerting.alert_state import Alert
from guard_core.alerting.policy import Policy
from guard_core.settings.alert import AlertSettings
from guard_store.alerts.outbox import Delivery, Outbox
from guard_store.alerts.policies import PolicyStore
from guard_store.alerts.store import AlertStore
from guard_store.retraining.decisions import Actor
from serving.alerts.routes import scheme_of
from serving.alerts.schemas import (
    AlertDetail,
    AlertView,
    DeliveryView,
    PolicyRequest,
    PolicyView,
    RouteView,
    StepView,
)
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import Conflict, NotFound, Unprocessable

_START = (2**62, "")


class AlertService:
    """Read and change alerts and their messages."""

    def __init__(self, alerts: AlertStore, outbox: Outbox) -> None:
        self._alerts = alerts
        self._outbox = outbox

    def page(self, filters: Mapping[str, str | None], cursor: str | None, limit: int) -> Page[AlertView]:
        """Return a page of the alerts that match all filters (value by column), newest first."""
        before = decode_cursor(cursor, tuple[int, str], _START)
        alerts = self._alerts.page(filters, before=before, limit=limit + 1)
        return page_of(alerts, limit, position=lambda alert: (alert.opened_us, alert.id), item=AlertView.of)

    def of_day(self, project_id: str, model_id: str, day: str) -> list[AlertView]:
        """Return the alerts about a model that were open on a local day, newest first."""
        return [AlertView.of(alert) for alert in self._alerts.of_day(project_id, model_id, day)]

    def find(self, alert_id: str) -> Alert:
        """Return an alert by its id.

        Raises
        ------
        NotFound
            If there is none.
        """
        alert = self._alerts.get(alert_id)
        if alert is None:
            raise NotFound(f"There is no alert {alert_id!r}.")
        return alert

    def detail(self, alert: Alert) -> AlertDetail:
        """Add to an alert its history and the messages of its incident."""
        steps = [StepView.of(step) for step in self._alerts.history(alert.id)]
        messages = self._outbox.of_incident(alert.incident_id)
        return AlertDetail.with_history(alert, steps, [DeliveryView.of(message) for message in messages])

    def acknowledge(self, alert: Alert, reason: str, actor: Actor) -> AlertView:
        """Acknowledge an alert.

        Raises
        ------
        Conflict
            If the alert is resolved.
        """
        return self._changed(alert, is_open=self._alerts.acknowledge(alert.id, reason, actor))

    def mute(self, alert: Alert, until_us: int | None, reason: str, actor: Actor) -> AlertView:
        """Mute an alert until `until_us`, or unmute it if that is None.

        Raises
        ------
        Conflict
            If the alert is resolved.
        """
        return self._changed(alert, is_open=self._alerts.mute(alert.id, until_us, reason, actor))

    def messages(
        self, project_id: str | None, state: Literal["waiting", "sent", "dead"] | None, cursor: str | None, limit: int
    ) -> Page[DeliveryView]:
        """Return a page of messages, newest first."""
        before = decode_cursor(cursor, tuple[int, str], _START)
        messages = self._outbox.page(project_id=project_id, state=state, before=before, limit=limit + 1)
        return page_of(messages, limit, position=lambda message: (message.created_us, message.id), item=DeliveryView.of)

    def find_message(self, message_id: str) -> Delivery:
        """Return a message by its id.

        Raises
        ------
        NotFound
            If there is none.
        """
        message = self._outbox.get(message_id)
        if message is None:
            raise NotFound(f"There is no message {message_id!r}.")
        return message

    def resend(self, message: Delivery) -> DeliveryView:
        """Put a message that was given up back into the queue.

        Raises
        ------
        Conflict
            If the message was not given up.
        """
        if not self._outbox.resend(message.id):
            raise Conflict(f"Message {message.id} was not given up: it is {message.state}.")
        return DeliveryView.of(self._outbox.get(message.id) or message)

    def _changed(self, alert: Alert, *, is_open: bool) -> AlertView:
        if not is_open:
            raise Conflict(f"Alert {alert.id} is resolved.")
        return AlertView.of(self._alerts.get(alert.id) or alert)


class AlertPolicyService:
    """Read and change the alert policies of projects, and list the routes that policies can name."""

    def __init__(self, policies: PolicyStore, settings: AlertSettings) -> None:
        self._policies = policies
        self._settings = settings

    def routes(self) -> list[RouteView]:
        """Return all routes, ordered by name."""
        routes = self._settings.routes
        return [RouteView(name=name, scheme=scheme_of(routes[name])) for name in sorted(routes)]

    def in_force(self, project_id: str) -> list[PolicyView]:
        """Return the policies of a project, and the defaults that it has not replaced."""
        project_names = {policy.name for policy in self._policies.of_project(project_id)}
        return [
            PolicyView.of(policy, source="project" if policy.name in project_names else "default")
            for policy in self._policies.in_force(project_id)
        ]

    def find(self, project_id: str, name: str) -> PolicyView:
        """Return the policy that is in force under a name.

        Raises
        ------
        NotFound
            If there is none.
        """
        for policy in self.in_force(project_id):
            if policy.name == name:
                return policy
        raise NotFound(f"Project {project_id!r} has no policy {name!r}.")

    def put(self, project_id: str, name: str, body: PolicyRequest, request_id: str) -> PolicyView:
        """Create a policy, or replace the one of this name.

        Raises
        ------
        Unprocessable
            If the policy names a route that is not in the settings.
        """
        unknown = sorted(set(body.routes or ()) - set(self._settings.routes))
        if unknown:
            reason = f"ML_GUARD_ALERT_ROUTES has no route {unknown[0]!r}"
            raise Unprocessable(f"routes: {reason}.", errors=[{"field": "routes", "reason": reason}])
        self._policies.put(project_id, Policy(name=name, **body.model_dump()), request_id)
        return self.find(project_id, name)

    def remove(self, project_id: str, name: str) -> None:
        """Remove a policy that the project defines; the defaults cannot be removed.

        Raises
        ------
        NotFound
            If the project defines no policy of this name.
        """
        if not self._policies.remove(project_id, name):
            raise NotFound(f"Project {project_id!r} has no policy {name!r} of its own.")
