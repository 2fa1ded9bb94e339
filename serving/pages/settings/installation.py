"""The page of the installation's settings: projects, API keys and alert routes."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Path, Request, Response
from starlette.responses import RedirectResponse

from guard_core.alerting.policy import NAME_PATTERN
from guard_core.formats import count
from guard_core.settings import ROLES
from serving.alerts.endpoints import Deliveries, Policies
from serving.alerts.endpoints import try_route as try_alert_route
from serving.alerts.schemas import TrialView
from serving.auth.keys import endpoints as key_endpoints
from serving.auth.keys.endpoints import Keys
from serving.auth.keys.schemas import CreatedKey, KeyRequest, KeyView
from serving.auth.principal import Principal
from serving.auth.security import Caller
from serving.http.dependencies import RequestId
from serving.http.routing import ADMIN, ADMIN_OF_ALL, ANALYST, ProjectStoreDep
from serving.pages import addresses
from serving.pages.forms import validate_form
from serving.pages.rendering import RendererDep
from serving.pages.routing import Form, page_router
from serving.projects.endpoints import Projects, make_project
from serving.projects.schemas import ProjectRequest

SETTINGS: Final = "/settings"
_MAX_ROWS: Final = 200

router = page_router()


@router.get(SETTINGS, openapi_extra=ANALYST)
def show_settings(
    request: Request, caller: Caller, pages: RendererDep, projects: Projects, keys: Keys, policies: Policies
) -> Response:
    """Show projects, keys and alert routes."""
    return pages.page(request, "settings.html", **_context(caller, projects, keys, policies))


@router.post("/settings/projects", openapi_extra=ADMIN_OF_ALL)
def create_project(projects: Projects, request_id: RequestId, form: Form) -> Response:
    """Create a project."""
    fields = {name: form[name] for name in ("id", "name", "timezone") if form.get(name)}
    project = make_project(validate_form(ProjectRequest, {"name": "", **fields}), projects, request_id)
    return RedirectResponse(addresses.settings(project.id), HTTPStatus.SEE_OTHER)


@router.post("/settings/keys", openapi_extra=ADMIN)
def create_key(
    request: Request,
    caller: Caller,
    pages: RendererDep,
    projects: Projects,
    project_store: ProjectStoreDep,
    keys: Keys,
    policies: Policies,
    form: Form,
) -> Response:
    """Create a key, and show its secret in this response only."""
    fields = {"name": form.get("name", ""), "role": form.get("role"), "project_id": form.get("project_id") or None}
    created = key_endpoints.make_key(validate_form(KeyRequest, fields), caller, keys, project_store)
    context = _context(caller, projects, keys, policies, created=created)
    return pages.page(request, "settings.html", HTTPStatus.CREATED, **context)


@router.post("/settings/keys/{key_id}/revoke", openapi_extra=ADMIN)
def revoke_key(key_id: str, caller: Caller, keys: Keys, form: Form) -> Response:  # noqa: ARG001 - the token is checked
    """Revoke a key."""
    key_endpoints.revoke_key(key_id, caller, keys)
    return RedirectResponse(f"{SETTINGS}#keys", HTTPStatus.SEE_OTHER)


@router.post("/settings/routes/{name}/test", openapi_extra=ADMIN)
async def try_route(
    name: Annotated[str, Path(pattern=NAME_PATTERN)],
    request: Request,
    caller: Caller,
    pages: RendererDep,
    projects: Projects,
    keys: Keys,
    policies: Policies,
    deliveries: Deliveries,
) -> Response:
    """Send a test message on a route, and show whether it was sent."""
    trial = await try_alert_route(name, deliveries)
    return pages.page(request, "settings.html", **_context(caller, projects, keys, policies, trial=trial))


def _context(
    caller: Principal,
    projects: Projects,
    keys: Keys,
    policies: Policies,
    *,
    created: CreatedKey | None = None,
    trial: TrialView | None = None,
) -> dict[str, Any]:
    shown = projects.page(caller.project_id, None, _MAX_ROWS)
    all_keys = keys.page(caller.project_id, None, _MAX_ROWS).items if caller.has_role("admin") else None
    routes = policies.routes()
    return {
        "headline": headline(len(shown.items), all_keys, len(routes)),
        "projects": shown,
        "keys": all_keys,
        "routes": routes,
        "roles": ROLES,
        "created": created,
        "trial": trial,
    }


def headline(projects: int, keys: list[KeyView] | None, routes: int) -> str:
    """Return the sentence that answers what is set up."""
    parts = [count(projects, "project")]
    if keys is not None:
        parts.append(count(sum(key.revoked_at is None for key in keys), "key"))
    sentence = " and ".join(parts)
    if not routes:
        return f"{sentence}; alerts are sent nowhere"
    return f"{sentence}; alerts are sent on {count(routes, 'route')}"
