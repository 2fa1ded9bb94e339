"""`POST /query`: answers a question with citations, whole or as server-sent events."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from guard_core.settings import ServerSettings
from serving.assistant.query.schemas import QueryAnswer, QueryRequest
from serving.assistant.query.service import QueryService
from serving.audit.context import RequestContext
from serving.audit.entry import AuditEntry
from serving.auth.principal import HOW_TO_SEND, Principal
from serving.auth.security import Caller
from serving.http.dependencies import EntryDep, RequestId, part
from serving.http.limits.addresses import is_loopback
from serving.http.problems import Unauthorised
from serving.http.routing import ANYONE, PROBLEMS, KeyedRoute, keyed_router
from serving.http.server_sent_events import format_problem
from serving.http.streaming import stream_response

root_router = APIRouter(tags=["query"], route_class=KeyedRoute, responses=PROBLEMS)
router = keyed_router("query")

Query = Annotated[QueryService, Depends(part(QueryService))]
ServerSettingsDep = Annotated[ServerSettings, Depends(part(ServerSettings))]

_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer, or that the sources do not give one; a stream of events if that is requested.",
        "content": {"text/event-stream": {}},
    }
}


@root_router.post("/query", response_model=QueryAnswer, responses=_ANSWER, operation_id="query", openapi_extra=ANYONE)
@router.post("/query", response_model=QueryAnswer, responses=_ANSWER, operation_id="query_v1", openapi_extra=ANYONE)
async def query(
    body: QueryRequest,
    request: Request,
    caller: Caller,
    settings: ServerSettingsDep,
    service: Query,
    entry: EntryDep,
    request_id: RequestId,
) -> Response:
    """Answer a question from the knowledge base, with citations that quote their sources verbatim."""
    _require_caller(caller, settings)
    context = context_of(body, request, caller, entry, request_id)
    if not body.stream:
        return Response(await service.answer(body, context), media_type="application/json")
    entry.stream_error = lambda problem: format_problem(problem, request_id)
    return await stream_response(service.stream(body, context), request, entry)


def context_of(
    body: QueryRequest, request: Request, caller: Principal, entry: AuditEntry, request_id: str
) -> RequestContext:
    """Return the context of a question, once the caller may ask for its project.

    Raises
    ------
    Unauthorised, Forbidden
        If the caller may not.
    """
    entry.project_id = project_id = _project(body, caller)
    return RequestContext(request.scope["route"].path_format, request_id, caller, project_id, entry)


def _require_caller(principal: Principal, settings: ServerSettings) -> None:
    """Require a key, unless the server listens on loopback only."""
    if principal.key_id is None and not is_loopback(settings.host):
        raise Unauthorised(f"This needs a key: {HOW_TO_SEND}.")


def _project(request: QueryRequest, principal: Principal) -> str | None:
    """Return the project that a question counts for: the one in the request, else the key's."""
    if request.project_id is None:
        return principal.project_id
    principal.require("guest", request.project_id)
    return request.project_id
