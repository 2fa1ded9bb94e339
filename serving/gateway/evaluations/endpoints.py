"""`POST /v1/feedback`: what a user thinks of an answer of a language model."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from serving.audit.context import RequestContext
from serving.auth.security import Caller
from serving.gateway.evaluations.feedback import FeedbackService
from serving.gateway.evaluations.schemas import Feedback, StoredFeedback
from serving.http.dependencies import EntryDep, RequestId, part
from serving.http.routing import ANALYST, NOT_FOUND, PROBLEMS, KeyedRoute

router = APIRouter(prefix="/v1", tags=["gateway"], route_class=KeyedRoute, responses=PROBLEMS)


@router.post("/feedback", openapi_extra=ANALYST, response_model=StoredFeedback, responses=NOT_FOUND)
async def send_feedback(
    body: Feedback,
    request: Request,
    caller: Caller,
    entry: EntryDep,
    request_id: RequestId,
    service: Annotated[FeedbackService, Depends(part(FeedbackService))],
    project_id: Annotated[
        str | None,
        Header(alias="X-ML-Guard-Project", description="Project of the answer; the key's own unless given."),
    ] = None,
) -> Response:
    """Send a user's feedback on an evaluated answer, which becomes the label of its event."""
    if project_id:
        caller.require("analyst", project_id)
    entry.project_id = project_id = project_id or caller.project_id
    context = RequestContext(request.scope["route"].path_format, request_id, caller, project_id, entry)
    return Response(await service.store(body, context), media_type="application/json")
