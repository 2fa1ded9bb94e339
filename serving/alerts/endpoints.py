"""Routes of alerts: read and acknowledged by analysts; policies, mutes and dead letters are the admins'."""

from typing import Annotated, Literal

from fastapi import Depends, Path, Query

from guard_core.alerting.machine import Alert
from guard_core.alerting.policy import NAME_PATTERN, Policy
from guard_core.days import microseconds
from guard_core.settings import Role
from guard_store.alerts.policies import PolicyStore
from serving.alerts.routes import scheme_of
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
    StepView,
)
from serving.auth.principal import Principal
from serving.auth.security import Caller
from serving.http.paging import Cursor, Limit, Page, decode_cursor, page_of
from serving.http.problems import Conflict, NotFound, Unprocessable
from serving.http.routing import (
    ADMIN,
    ANALYST,
    CONFLICT,
    NOT_FOUND,
    Deciding,
    ProjectToChange,
    ProjectToRead,
    keyed_router,
)
from serving.services import OnRecord, Provided, RequestId, Services

router = keyed_router("alerts")

PolicyName = Annotated[str, Path(pattern=NAME_PATTERN, description="Name of a policy.")]
_POLICIES = "/projects/{project_id}/alert-policies"
_START = (2**62, "")


@router.get("/alerts", openapi_extra=ANALYST)
def list_alerts(query: Annotated[AlertQuery, Query()], caller: Caller, services: Provided) -> Page[AlertView]:
    """List alerts, newest first."""
    project_id = query.project_id or caller.project_id
    caller.require("analyst", project_id)
    before = decode_cursor(query.cursor, tuple[int, str], _START)
    wanted = {**query.wanted, "project_id": project_id}
    found = services.alerts.store.page(wanted, before=before, limit=query.limit + 1)
    return page_of(found, query.limit, position=lambda one: (one.opened_us, one.id), item=AlertView.of)


def _to_read(
    alert_id: Annotated[str, Path(description="Id of an alert.")], caller: Caller, services: Provided, record: OnRecord
) -> Alert:
    return _known(alert_id, caller, services, record, "analyst")


def _to_change(
    alert_id: Annotated[str, Path(description="Id of an alert.")], caller: Caller, services: Provided, record: OnRecord
) -> Alert:
    return _known(alert_id, caller, services, record, "admin")


AlertToRead = Annotated[Alert, Depends(_to_read)]
AlertToChange = Annotated[Alert, Depends(_to_change)]


@router.get("/alerts/{alert_id}", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_alert(alert: AlertToRead, services: Provided) -> AlertDetail:
    """Read an alert, what became of it, and the messages of its incident."""
    steps = [StepView.of(step) for step in services.alerts.store.history(alert.id)]
    messages = services.alerts.outbox.of_incident(alert.incident_id)
    return AlertDetail.with_history(alert, steps, [DeliveryView.of(message) for message in messages])


@router.post("/alerts/{alert_id}/acknowledge", responses=NOT_FOUND | CONFLICT, openapi_extra=ANALYST)
def acknowledge_alert(alert: AlertToRead, body: Reason, services: Provided, actor: Deciding) -> AlertView:
    """Say that somebody looks after it: nobody is told that it got worse any more, but that it ended."""
    if not services.alerts.store.acknowledge(alert.id, body.reason, actor):
        raise _is_over(alert)
    return _shown(alert, services)


@router.post("/alerts/{alert_id}/mute", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def mute_alert(alert: AlertToChange, body: MuteRequest, services: Provided, actor: Deciding) -> AlertView:
    """Tell nobody about it until an instant."""
    if not services.alerts.store.mute(alert.id, microseconds(body.until), body.reason, actor):
        raise _is_over(alert)
    return _shown(alert, services)


@router.post("/alerts/{alert_id}/unmute", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def unmute_alert(alert: AlertToChange, body: Reason, services: Provided, actor: Deciding) -> AlertView:
    """Tell people about it again."""
    if not services.alerts.store.mute(alert.id, None, body.reason, actor):
        raise _is_over(alert)
    return _shown(alert, services)


@router.get("/alert-deliveries", openapi_extra=ANALYST)
def list_deliveries(
    caller: Caller,
    services: Provided,
    project_id: str | None = None,
    state: Literal["waiting", "sent", "dead"] | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[DeliveryView]:
    """List messages, newest first; `state=dead`: those that were given up."""
    project_id = project_id or caller.project_id
    caller.require("analyst", project_id)
    before = decode_cursor(cursor, tuple[int, str], _START)
    found = services.alerts.outbox.page(project_id=project_id, state=state, before=before, limit=limit + 1)
    return page_of(found, limit, position=lambda one: (one.created_us, one.id), item=DeliveryView.of)


@router.post("/alert-deliveries/{message_id}/resend", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def resend_delivery(
    message_id: Annotated[str, Path(description="Id of a message.")],
    caller: Caller,
    services: Provided,
    record: OnRecord,
) -> DeliveryView:
    """Try to send a message again that was given up."""
    message = services.alerts.outbox.get(message_id)
    if message is None:
        raise NotFound(f"There is no message {message_id!r}.")
    _require(caller, "admin", message.project_id, record)
    if not services.alerts.outbox.resend(message_id):
        raise Conflict(f"Message {message_id} was not given up: it is {message.state}.")
    return DeliveryView.of(services.alerts.outbox.get(message_id) or message)


@router.get("/alert-routes", openapi_extra=ANALYST)
def list_routes(services: Provided) -> list[RouteView]:
    """List the routes that policies can name."""
    routes = services.settings.alert.routes
    return [RouteView(name=name, scheme=scheme_of(routes[name])) for name in sorted(routes)]


@router.get(_POLICIES, responses=NOT_FOUND, openapi_extra=ANALYST)
def list_policies(project: ProjectToRead, services: Provided) -> list[PolicyView]:
    """List the policies in force by name: the project's own, and the defaults beside them."""
    return _in_force(services, project.id)


@router.get(_POLICIES + "/{name}", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_policy(project: ProjectToRead, name: PolicyName, services: Provided) -> PolicyView:
    """Read a policy."""
    return _policy(services, project.id, name)


@router.put(_POLICIES + "/{name}", responses=NOT_FOUND, openapi_extra=ADMIN)
def put_policy(
    project: ProjectToChange, name: PolicyName, body: PolicyRequest, services: Provided, request_id: RequestId
) -> PolicyView:
    """Make a policy, or replace the one of this name, a default too; the models are looked at again with the next run."""
    unknown = sorted(set(body.routes or ()) - set(services.settings.alert.routes))
    if unknown:
        reason = f"ML_GUARD_ALERT_ROUTES has no route {unknown[0]!r}"
        raise Unprocessable(f"routes: {reason}.", errors=[{"field": "routes", "reason": reason}])
    PolicyStore(services.database).put(project.id, Policy(name=name, **body.model_dump()), request_id)
    return _policy(services, project.id, name)


@router.delete(_POLICIES + "/{name}", status_code=204, responses=NOT_FOUND, openapi_extra=ADMIN)
def remove_policy(project: ProjectToChange, name: PolicyName, services: Provided) -> None:
    """Remove a policy of the project's own; a default of that name is in force again."""
    if not PolicyStore(services.database).remove(project.id, name):
        raise NotFound(f"Project {project.id!r} has no policy {name!r} of its own.")


def _known(alert_id: str, caller: Principal, services: Services, record: OnRecord, role: Role) -> Alert:
    caller.require(role)
    alert = services.alerts.store.get(alert_id)
    if alert is None:
        raise NotFound(f"There is no alert {alert_id!r}.")
    _require(caller, role, alert.project_id, record)
    return alert


def _require(caller: Principal, role: Role, project_id: str, record: OnRecord) -> None:
    record.project_id = project_id or None
    if project_id:
        caller.require(role, project_id)
    else:
        caller.require_all_projects(role)


def _is_over(alert: Alert) -> Conflict:
    return Conflict(f"Alert {alert.id} is resolved.")


def _shown(alert: Alert, services: Services) -> AlertView:
    return AlertView.of(services.alerts.store.get(alert.id) or alert)


def _in_force(services: Services, project_id: str) -> list[PolicyView]:
    store = PolicyStore(services.database)
    own = {policy.name for policy in store.of_project(project_id)}
    return [PolicyView.of(policy, own=policy.name in own) for policy in store.in_force(project_id)]


def _policy(services: Services, project_id: str, name: str) -> PolicyView:
    found = [policy for policy in _in_force(services, project_id) if policy.name == name]
    if not found:
        raise NotFound(f"Project {project_id!r} has no policy {name!r}.")
    return found[0]
