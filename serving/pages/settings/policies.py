"""The forms of a project's alert policies: create, edit, switch off and on, remove."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, get_args

from fastapi import Request, Response
from starlette.responses import RedirectResponse

from guard_core.alerting.policy import NAME_PATTERN, SEVERITIES, Kind
from guard_core.alerting.words import describe_kind
from serving.alerts.endpoints import Policies, PolicyName, put_policy, remove_policy
from serving.alerts.schemas import PolicyRequest
from serving.http.dependencies import RequestId
from serving.http.routing import ADMIN, ProjectToChange
from serving.pages import addresses
from serving.pages.forms import read_instant, required_field, validate_form, without_empty
from serving.pages.rendering import RendererDep
from serving.pages.routing import Form, page_router

_POLICIES: Final = "/settings/projects/{project_id}/policies"
_FIELDS: Final = ("model", "threshold", "days", "of_days", "severity")
_KIND: Final = "when."
_ROUTE: Final = "route."

router = page_router()


@router.get(_POLICIES, openapi_extra=ADMIN)
def show_new_policy(request: Request, project: ProjectToChange, policies: Policies, pages: RendererDep) -> Response:
    """Show the form of a new policy."""
    return pages.page(request, "policy.html", project=project, policy=None, **_choices(policies))


@router.get(_POLICIES + "/{name}", openapi_extra=ADMIN)
def show_policy(
    request: Request, project: ProjectToChange, name: PolicyName, policies: Policies, pages: RendererDep
) -> Response:
    """Show the form of a policy in force."""
    policy = policies.find(project.id, name)
    return pages.page(request, "policy.html", project=project, policy=policy, **_choices(policies))


@router.post(_POLICIES, openapi_extra=ADMIN)
def save_policy(project: ProjectToChange, policies: Policies, request_id: RequestId, form: Form) -> Response:
    """Create a policy, or replace the policy or default of this name."""
    name = required_field(form, "name")
    put_policy(project, name, validate_form(PolicyRequest, rule_of(form)), policies, request_id)
    return _to_policies(project.id)


@router.post(_POLICIES + "/{name}/switch", openapi_extra=ADMIN)
def switch_policy(
    project: ProjectToChange, name: PolicyName, policies: Policies, request_id: RequestId, form: Form
) -> Response:
    """Switch a policy on with the field `enabled`, off without; a default becomes a policy of the project."""
    rule = policies.find(project.id, name).rule | {"enabled": bool(form.get("enabled"))}
    rule.pop("source", None)
    put_policy(project, name, validate_form(PolicyRequest, rule), policies, request_id)
    return _to_policies(project.id)


@router.post(_POLICIES + "/{name}/remove", openapi_extra=ADMIN)
def delete_policy(project: ProjectToChange, name: PolicyName, policies: Policies, form: Form) -> Response:  # noqa: ARG001 - the token is checked
    """Remove a policy of the project; a default of the same name is in force again."""
    remove_policy(project, name, policies)
    return _to_policies(project.id)


def rule_of(form: Mapping[str, str]) -> dict[str, object]:
    """Return the rule that a form describes; without the field `all_routes`, messages go to the chosen routes only.

    >>> rule_of({"when.drift": "1", "severity": "error", "days": "", "route.mail": "1", "enabled": "1"})
    {'when': ['drift'], 'severity': 'error', 'routes': ['mail'], 'enabled': True}
    """
    rule = without_empty({name: form.get(name, "").strip() for name in _FIELDS})
    rule = {"when": [name.removeprefix(_KIND) for name in form if name.startswith(_KIND)], **rule}
    if not form.get("all_routes"):
        rule["routes"] = [name.removeprefix(_ROUTE) for name in form if name.startswith(_ROUTE)]
    if form.get("quiet_start") or form.get("quiet_end"):
        rule["quiet_hours"] = {
            "start": form.get("quiet_start"),
            "end": form.get("quiet_end"),
            "wake_for_critical": bool(form.get("wake_for_critical")),
        }
    if form.get("muted_until"):
        rule["muted_until"] = read_instant(form, "muted_until").isoformat()
    return {**rule, "enabled": bool(form.get("enabled"))}


def _choices(policies: Policies) -> dict[str, Any]:
    return {
        "kinds": [kind for group in get_args(Kind) for kind in get_args(group)],
        "severities": SEVERITIES,
        "routes": policies.routes(),
        "describe_kind": describe_kind,
        # Browsers read patterns with the flag v, under which a hyphen in a class is escaped.
        "name_pattern": NAME_PATTERN.replace("_-]", r"_\-]"),
    }


def _to_policies(project_id: str) -> Response:
    return RedirectResponse(f"{addresses.settings(project_id)}#policies", HTTPStatus.SEE_OTHER)
