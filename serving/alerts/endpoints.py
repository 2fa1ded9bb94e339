"""Alert routes: analysts read and acknowledge alerts; admins change policies, mute alerts and resend messages."""

from typing import Annotated, Literal

from fastapi import Depends, Path, Query

from guard_core.alerting.alert_state import Alert
from guard_core.alerting.policy import NAME_PATTERN
from guard_core.days import microseconds
from guard_core.settings import Role
from guard_store.alerts.outbox import Delivery
from serving.alerts.delivery import DeliveryService
from serving.alerts.schemas import (
    AlertDetail,
    AlertQuery,
    AlertView,
    DeliveryView,
    MuteRequest,
    PolicyRequest,
    PolicyView,
    Reason,
    RouteView,
    TrialView,
)
from serving.alerts.service import AlertPolicyService, AlertService
from serving.audit.entry import AuditEntry
from serving.auth.principal import Principal
from serving.auth.security import Caller
from serving.http.dependencies import EntryDep, RequestId, part
from serving.http.paging import Cursor, Limit, Page
from serving.http.routing import (
    ADMIN,
    ANALYST,
    CONFLICT,
    NOT_FOUND,
    ActorDep,
    ProjectToChange,
    ProjectToRead,
    keyed_router,
)

router = keyed_router("alerts")
Alerts = Annotated[AlertService, Depends(part(AlertService))]
Policies = Annotated[AlertPolicyService, Depends(part(AlertPolicyService))]
Deliveries = Annotated[DeliveryService, Depends(part(DeliveryService))]

PolicyName = Annotated[str, Path(pattern=NAME_PATTERN, description="Name of a policy.")]
_POLICIES = "/projects/{project_id}/alert-policies"


@router.get("/alerts", openapi_extra=ANALYST)
def list_alerts(query: Annotated[AlertQuery, Query()], caller: Caller, alerts: Alerts) -> Page[AlertView]:
    """List alerts, newest first."""
    project_id = query.project_id or caller.project_id
    caller.require("analyst", project_id)
    return alerts.page({**query.filters, "project_id": project_id}, query.cursor, query.limit)


def _alert_to_read(
    alert_id: Annotated[str, Path(description="Id of an alert.")], caller: Caller, alerts: Alerts, record: EntryDep
) -> Alert:
    return _find_alert(alert_id, caller, alerts, record, "analyst")


def _alert_to_change(
    alert_id: Annotated[str, Path(description="Id of an alert.")], caller: Caller, alerts: Alerts, record: EntryDep
) -> Alert:
    return _find_alert(alert_id, caller, alerts, record, "admin")


def _message_to_change(
    message_id: Annotated[str, Path(description="Id of a message.")], caller: Caller, alerts: Alerts, record: EntryDep
) -> Delivery:
    message = alerts.find_message(message_id)
    require_in_project(caller, "admin", message.project_id, record)
    return message


AlertToRead = Annotated[Alert, Depends(_alert_to_read)]
AlertToChange = Annotated[Alert, Depends(_alert_to_change)]
MessageToChange = Annotated[Delivery, Depends(_message_to_change)]


@router.get("/alerts/{alert_id}", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_alert(alert: AlertToRead, alerts: Alerts) -> AlertDetail:
    """Read an alert, its history, and the messages of its incident."""
    return alerts.detail(alert)


@router.post("/alerts/{alert_id}/acknowledge", responses=NOT_FOUND | CONFLICT, openapi_extra=ANALYST)
def acknowledge_alert(alert: AlertToRead, body: Reason, alerts: Alerts, actor: ActorDep) -> AlertView:
    """Acknowledge an alert: no further message is sent if it gets worse, only one when it is resolved."""
    return alerts.acknowledge(alert, body.reason, actor)


@router.post("/alerts/{alert_id}/mute", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def mute_alert(alert: AlertToChange, body: MuteRequest, alerts: Alerts, actor: ActorDep) -> AlertView:
    """Mute an alert: no messages about it are sent until the given instant."""
    return alerts.mute(alert, microseconds(body.until), body.reason, actor)


@router.post("/alerts/{alert_id}/unmute", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def unmute_alert(alert: AlertToChange, body: Reason, alerts: Alerts, actor: ActorDep) -> AlertView:
    """Unmute an alert: messages about it are sent again."""
    return alerts.mute(alert, None, body.reason, actor)


@router.get("/alert-deliveries", openapi_extra=ANALYST)
def list_deliveries(
    caller: Caller,
    alerts: Alerts,
    project_id: str | None = None,
    state: Literal["waiting", "sent", "dead"] | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[DeliveryView]:
    """List messages, newest first; `state=dead` selects those that were given up."""
    project_id = project_id or caller.project_id
    caller.require("analyst", project_id)
    return alerts.messages(project_id, state, cursor, limit)


@router.post("/alert-deliveries/{message_id}/resend", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def resend_delivery(message: MessageToChange, alerts: Alerts) -> DeliveryView:
    """Resend a message that was given up."""
    return alerts.resend(message)


@router.get("/alert-routes", openapi_extra=ANALYST)
def list_routes(policies: Policies) -> Page[RouteView]:
    """List the routes that policies can name."""
    return Page.whole(policies.routes(), empty="no_routes")


@router.post("/alert-routes/{name}/test", responses=NOT_FOUND, openapi_extra=ADMIN)
async def try_route(
    name: Annotated[str, Path(pattern=NAME_PATTERN, description="Name of a route.")], deliveries: Deliveries
) -> TrialView:
    """Send a test message on a route now, and report whether it was sent."""
    error = await deliveries.try_route(name)
    return TrialView(route=name, sent=error is None, error=error)


@router.get(_POLICIES, responses=NOT_FOUND, openapi_extra=ANALYST)
def list_policies(project: ProjectToRead, policies: Policies) -> Page[PolicyView]:
    """List the policies in force by name: those of the project, and the defaults that it has not replaced."""
    return Page.whole(policies.in_force(project.id))


@router.get(_POLICIES + "/{name}", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_policy(project: ProjectToRead, name: PolicyName, policies: Policies) -> PolicyView:
    """Read a policy."""
    return policies.find(project.id, name)


@router.put(_POLICIES + "/{name}", responses=NOT_FOUND, openapi_extra=ADMIN)
def put_policy(
    project: ProjectToChange, name: PolicyName, body: PolicyRequest, policies: Policies, request_id: RequestId
) -> PolicyView:
    """Create a policy, or replace the policy or default of this name; models are evaluated again in the next run."""
    return policies.put(project.id, name, body, request_id)


@router.delete(_POLICIES + "/{name}", status_code=204, responses=NOT_FOUND, openapi_extra=ADMIN)
def remove_policy(project: ProjectToChange, name: PolicyName, policies: Policies) -> None:
    """Remove a policy of the project; a default of the same name is in force again."""
    policies.remove(project.id, name)


def _find_alert(alert_id: str, caller: Principal, alerts: AlertService, record: AuditEntry, role: Role) -> Alert:
    caller.require(role)
    alert = alerts.find(alert_id)
    require_in_project(caller, role, alert.project_id, record)
    return alert


def require_in_project(caller: Principal, role: Role, project_id: str, record: AuditEntry) -> None:
    """Require a role in the project that an alert is about, '' for all projects, and name the project on the record.

    Raises
    ------
    Forbidden
        If the caller has no such role.
    """
    record.project_id = project_id or None
    if project_id:
        caller.require(role, project_id)
    else:
        caller.require_all_projects(role)
