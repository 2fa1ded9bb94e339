"""Routes of research: research a topic, delete the stored inputs of a research."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from serving.assistant.research.schemas import ResearchAnswer, ResearchRequest
from serving.assistant.research.service import ResearchService
from serving.assistant.research.streaming import research_events
from serving.audit.context import RequestContext
from serving.audit.entry import AuditEntry
from serving.auth.principal import Principal
from serving.auth.security import Caller
from serving.http.dependencies import EntryDep, RequestId, part
from serving.http.problems import NotFound
from serving.http.routing import ADMIN, ANALYST, NOT_FOUND, PROBLEMS, KeyedRoute, keyed_router
from serving.http.server_sent_events import format_problem
from serving.http.streaming import stream_response

root_router = APIRouter(tags=["research"], route_class=KeyedRoute, responses=PROBLEMS)
router = keyed_router("research")

Research = Annotated[ResearchService, Depends(part(ResearchService))]

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The findings; a stream of events if that is requested.",
        "content": {"text/event-stream": {}},
    }
}


@root_router.post(
    "/research",
    response_model=ResearchAnswer,
    responses=NOT_FOUND | _STREAM,
    operation_id="research",
    openapi_extra=ANALYST,
)
@router.post(
    "/research",
    response_model=ResearchAnswer,
    responses=NOT_FOUND | _STREAM,
    operation_id="research_v1",
    openapi_extra=ANALYST,
)
async def research(
    body: ResearchRequest, request: Request, caller: Caller, service: Research, entry: EntryDep, request_id: RequestId
) -> Response:
    """Research a topic: search, fetch, summarize, risk_check; each tool call is recorded in the ledger."""
    context = context_of(body, request, caller, entry, request_id)
    if body.stream:
        entry.stream_error = lambda problem: format_problem(problem, request_id)
        return await stream_response(research_events(service, body, context), request, entry)
    answer = await service.research(body, context, ignore_step, _json)
    return Response(answer, media_type="application/json")


@router.delete("/research/{request_id}", status_code=204, responses=NOT_FOUND, openapi_extra=ADMIN)
def forget_research(request_id: str, caller: Caller, service: Research) -> None:
    """Delete the stored inputs of a research; its ledger rows stay."""
    if not service.steps.delete(request_id, caller.project_id):
        raise NotFound(f"There are no stored inputs of a research {request_id[:128]!r}.")


def context_of(
    body: ResearchRequest, request: Request, caller: Principal, entry: AuditEntry, request_id: str
) -> RequestContext:
    """Return the context of a research, once the caller may research for its project.

    Raises
    ------
    Unauthorised, Forbidden
        If the caller may not.
    """
    entry.project_id = project_id = body.project_id or caller.project_id
    caller.require("analyst", project_id)
    return RequestContext(request.scope["route"].path_format, request_id, caller, project_id, entry)


async def ignore_step(_: Any) -> None:
    """Do nothing: a whole answer has no events."""


def _json(answer: ResearchAnswer) -> bytes:
    return answer.model_dump_json().encode()
