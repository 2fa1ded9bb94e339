"""Pages of incidents: all of them, one as a thread, and the forms by which people act on alerts and messages."""

from typing import Annotated

from fastapi import Query, Request, Response

from guard_core.alerting.figures import Figure
from guard_core.alerting.words import describe_kind
from guard_core.days import microseconds
from ml.charts.lines import Line, LineChart
from serving.alerts.endpoints import Alerts, AlertToChange, AlertToRead, MessageToChange
from serving.alerts.incident_endpoints import Incidents, IncidentToRead
from serving.alerts.incident_schemas import IncidentDetail, IncidentView
from serving.alerts.schemas import AlertView
from serving.auth.security import Caller
from serving.http.routing import ADMIN, ANALYST, ActorDep
from serving.pages import addresses
from serving.pages.forms import read_instant, read_reason, return_to
from serving.pages.rendering import RendererDep
from serving.pages.routing import Form, page_router

router = page_router()
_MAX_OPEN = 200
_RESOLVED = 25


@router.get("/incidents", openapi_extra=ANALYST)
def show_incidents(
    request: Request,
    caller: Caller,
    pages: RendererDep,
    incidents: Incidents,
    project_id: Annotated[str | None, Query(max_length=200)] = None,
    model_id: Annotated[str | None, Query(max_length=200)] = None,
    cursor: str | None = None,
) -> Response:
    """Show the open incidents, and the resolved ones below."""
    project_id = project_id or caller.project_id
    caller.require("analyst", project_id)
    filters = {"project_id": project_id, "model_id": model_id or None}
    open_ones = incidents.page({**filters, "state": "open"}, None, _MAX_OPEN).items
    return pages.page(
        request,
        "incidents.html",
        headline=headline(open_ones),
        open_incidents=open_ones,
        resolved=incidents.page({**filters, "state": "resolved"}, cursor, _RESOLVED),
        filters=filters,
        cursor=cursor,
        describe_kind=describe_kind,
    )


@router.get("/incidents/{incident_id}", openapi_extra=ANALYST)
def show_incident(request: Request, incident: IncidentToRead, incidents: Incidents, pages: RendererDep) -> Response:
    """Show an incident as a thread."""
    detail = incidents.detail(incident)
    return pages.page(
        request,
        "incident.html",
        incident=detail,
        figures={alert.id: Figure.of(alert.details) for alert in detail.alerts},
        charts={alert.id: draw_figure(alert) for alert in detail.alerts},
        thread=thread(detail),
        describe_kind=describe_kind,
    )


@router.post("/alerts/{alert_id}/acknowledge", openapi_extra=ANALYST)
def acknowledge_alert(alert: AlertToRead, form: Form, alerts: Alerts, actor: ActorDep) -> Response:
    """Acknowledge an alert."""
    alerts.acknowledge(alert, read_reason(form), actor)
    return return_to(form)


@router.post("/alerts/{alert_id}/mute", openapi_extra=ADMIN)
def mute_alert(alert: AlertToChange, form: Form, alerts: Alerts, actor: ActorDep) -> Response:
    """Mute an alert until an instant."""
    alerts.mute(alert, microseconds(read_instant(form, "until")), read_reason(form), actor)
    return return_to(form)


@router.post("/alerts/{alert_id}/unmute", openapi_extra=ADMIN)
def unmute_alert(alert: AlertToChange, form: Form, alerts: Alerts, actor: ActorDep) -> Response:
    """Unmute an alert."""
    alerts.mute(alert, None, read_reason(form), actor)
    return return_to(form)


@router.post("/alert-deliveries/{message_id}/resend", openapi_extra=ADMIN)
def resend_message(message: MessageToChange, form: Form, alerts: Alerts) -> Response:
    """Resend a message that was given up."""
    alerts.resend(message)
    return return_to(form)


def headline(open_incidents: list[IncidentView]) -> str:
    """Return the sentence that answers what is open and waits for a person."""
    if not open_incidents:
        return "No incident is open"
    number = len(open_incidents)
    waiting = sum(not incident.is_acknowledged for incident in open_incidents)
    subject = "1 incident is open" if number == 1 else f"{number} incidents are open"
    if not waiting:
        return f"{subject}, acknowledged" if number == 1 else f"{subject}, all acknowledged"
    return f"{subject}, not acknowledged" if waiting == number else f"{subject}, {waiting} not acknowledged"


def thread(incident: IncidentDetail) -> list[dict[str, object]]:
    """Return steps and messages of an incident in order of time; of those at one instant, steps first."""
    entries: list[dict[str, object]] = [{"at": step.at, "step": step, "message": None} for step in incident.history]
    entries += [{"at": message.created_at, "step": None, "message": message} for message in incident.deliveries]
    return sorted(entries, key=lambda entry: (entry["at"], entry["message"] is not None))


def draw_figure(alert: AlertView) -> str:
    """Draw the days of the number that an alert is about; empty without such days."""
    figure = Figure.of(alert.details)
    if figure is None or not figure.days:
        return ""
    references = {"threshold": figure.threshold, "baseline": figure.baseline}
    return LineChart(
        f"{figure.name} by day",
        figure.days,
        [Line(figure.name, "realised", figure.values)],
        thresholds={name: value for name, value in references.items() if value is not None},
        href=None
        if alert.project_id is None or alert.model_id is None
        else addresses.model_days(alert.project_id, alert.model_id),
    ).draw()
