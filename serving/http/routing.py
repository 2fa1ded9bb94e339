"""Routers and dependencies of the JSON routes: the key is checked before the body is read, and bodies are limited in size.

Raw routes are `serving.http.raw_route`.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, cast

import anyio
from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.routing import APIRoute
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from guard_core.settings import Role
from guard_core.settings.server import ServerSettings
from guard_store.monitoring.model_ids import ModelIdStore
from guard_store.projects.store import Project, ProjectStore
from guard_store.retraining.decisions import Actor
from serving.audit.entry import AuditEntry
from serving.auth.principal import HOW_TO_SEND, Principal
from serving.auth.security import Caller, authenticate
from serving.http.dependencies import EntryDep, RequestId, part, part_of
from serving.http.limits.body import MAX_DEPTH, is_too_deep
from serving.http.paging import listed_fields, select_fields, selection_of
from serving.http.problems import GatewayTimeout, RequestTimeout, Unauthorised
from serving.http.query import declared_parameters, refuse_unknown
from serving.http.unknown_names import require_model, unknown_project

_log = logging.getLogger(__name__)

MAX_BODY_BYTES = 2**20
_CANCEL_S = 1.0

ProjectName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
ProjectId = Annotated[str, Path(description="Id of a project.")]
ModelId = Annotated[str, Path(description="Id of a model, as in its events.")]

_PROBLEM = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"description": "No key, or one that is unknown or revoked.", **_PROBLEM},
    403: {"description": "The key's role or project is not enough.", **_PROBLEM},
    422: {"description": "Malformed; `errors` names each field.", **_PROBLEM},
}
LEAST_ROLE = "x-least-role"
"""Key of the least role in an OpenAPI operation."""
ANYONE = {LEAST_ROLE: "anyone"}
GUEST = {LEAST_ROLE: "guest"}
ANALYST = {LEAST_ROLE: "analyst"}
ADMIN = {LEAST_ROLE: "admin"}
ADMIN_OF_ALL = {LEAST_ROLE: "admin of all"}

NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "It does not exist.", **_PROBLEM}}
CONFLICT: dict[int | str, dict[str, Any]] = {409: {"description": "The current state does not allow it.", **_PROBLEM}}


class KeyedRoute(APIRoute):
    """A route that refuses callers below its least role, and unknown query parameters, before it reads the body.

    The role is declared in the OpenAPI operation, as in `openapi_extra=ANALYST`. The endpoint checks the project. Callers of a list
    may select fields of its items.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self._listed_fields = listed_fields(endpoint)
        if self._listed_fields:
            selection = Depends(selection_of(self._listed_fields))
            options["dependencies"] = [*(options.get("dependencies") or ()), selection]
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that checks the key, and then handles the request as FastAPI does."""
        handle = super().get_route_handler()
        least: str = (self.openapi_extra or {})[LEAST_ROLE]
        parameters = declared_parameters(self.dependant)

        async def handle_keyed(request: Request) -> Response:
            caller = await authenticate(request.scope)
            if caller.key_id is None and least != ANYONE[LEAST_ROLE]:
                raise Unauthorised(f"This needs a key: {HOW_TO_SEND}.")
            require_role(caller, least)
            refuse_unknown(request.scope, parameters)
            receive = _limit_size(request.receive, request.scope["state"]["entry"])
            response = await respond_in_time(
                handle(_ShallowRequest(request.scope, receive)),
                part_of(request.scope, ServerSettings).request_timeout_s,
                request.scope["state"]["entry"],
            )
            return select_fields(request, response) if self._listed_fields else response

        return handle_keyed


def require_role(caller: Principal, least: str) -> None:
    """Refuse callers whose role is below `least`, one of the values of `LEAST_ROLE`.

    Raises
    ------
    Unauthorised, Forbidden
        If the caller has no key, or its role or project is not enough.
    """
    if least == ADMIN_OF_ALL[LEAST_ROLE]:
        caller.require_all_projects("admin")
    elif least != ANYONE[LEAST_ROLE]:
        caller.require(cast("Role", least))


class _ShallowRequest(Request):
    """A request that refuses JSON nested so deep that handling it could exceed the recursion limit."""

    async def json(self) -> Any:
        """Return the parsed body; too deep a nesting raises the framework's own exception (see `_limit_size`)."""
        try:
            value = await super().json()
            too_deep = is_too_deep(value)
        except RecursionError:
            too_deep = True
        if too_deep:
            raise HTTPException(422, f"The body is nested more than {MAX_DEPTH} deep.")
        return value


async def respond_in_time(response: Coroutine[Any, Any, Response], timeout_s: float, entry: AuditEntry) -> Response:
    """Wait for the response within a time limit, then cancel it; work in a thread cannot be stopped, and runs to its end."""
    task = asyncio.ensure_future(response)
    try:
        done, _ = await asyncio.wait({task}, timeout=timeout_s)
        if not done:
            entry.failure = GatewayTimeout(
                f"There was no answer within {timeout_s:g} s; the work that was started may still be completed."
            )
    finally:
        if not task.done():
            task.cancel()
            with anyio.CancelScope(shield=True):  # a call that it made is settled before the request ends
                await asyncio.wait({task}, timeout=_CANCEL_S)
            task.add_done_callback(_log_late_error)
    if entry.failure is not None:
        raise entry.failure
    return task.result()


def _log_late_error(task: "asyncio.Task[Response]") -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.warning("a request failed after it had timed out", exc_info=task.exception())


def _limit_size(receive: Receive, entry: AuditEntry) -> Receive:
    size = 0

    async def receive_limited() -> Message:
        nonlocal size
        try:
            message = await receive()
        except RequestTimeout as problem:
            raise HTTPException(problem.status, problem.detail, problem.headers) from problem
        piece = message.get("body", b"")
        entry.add_request(piece)
        size += len(piece)
        if size > MAX_BODY_BYTES:
            # The framework's own exception: it reports all others raised while the body is read as "cannot be parsed".
            raise HTTPException(413, f"The body has more than {MAX_BODY_BYTES} bytes, the limit of this route.")
        return message

    return receive_limited


def keyed_router(tag: str) -> APIRouter:
    """Make a router below `/api/v1` whose routes all need a key."""
    return APIRouter(prefix="/api/v1", tags=[tag], route_class=KeyedRoute, responses=PROBLEMS)


ProjectStoreDep = Annotated[ProjectStore, Depends(part(ProjectStore))]


def _project_to_read(project_id: ProjectId, caller: Caller, projects: ProjectStoreDep, entry: EntryDep) -> Project:
    caller.require("analyst", project_id)
    entry.project_id = project_id
    return find_project(projects, project_id)


def _project_to_change(project_id: ProjectId, caller: Caller, projects: ProjectStoreDep, entry: EntryDep) -> Project:
    caller.require("admin", project_id)
    entry.project_id = project_id
    return find_project(projects, project_id)


def find_project(projects: ProjectStore, project_id: str) -> Project:
    """Return the project of an id.

    Raises
    ------
    NotFound
        If there is none.
    """
    project = projects.get(project_id)
    if project is None:
        raise unknown_project(projects, project_id)
    return project


ProjectToRead = Annotated[Project, Depends(_project_to_read)]
ProjectToChange = Annotated[Project, Depends(_project_to_change)]


def _known_model(
    project: ProjectToRead, model_id: ModelId, models: Annotated[ModelIdStore, Depends(part(ModelIdStore))]
) -> str:
    require_model(models, project, model_id)
    return model_id


KnownModelId = Annotated[str, Depends(_known_model)]
"""Id of a model of which anything is stored; others are refused as not found, so that a typo does not look like a quiet model."""


def _actor(caller: Caller, request_id: RequestId) -> Actor:
    return Actor(caller.key_id or "", caller.role, request_id)


ActorDep = Annotated[Actor, Depends(_actor)]
"""The caller, as recorded in a decision."""
