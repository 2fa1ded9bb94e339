"""Routes of tools: list them, check a call, record its outcome."""

from typing import Annotated

from fastapi import Depends, Query

from serving.assistant.tools.schemas import CheckRequest, CheckView, RecordRequest, RecordView, ToolView
from serving.assistant.tools.service import ToolService
from serving.auth.security import Caller
from serving.http.dependencies import EntryDep, RequestId, part
from serving.http.paging import Page
from serving.http.routing import ANALYST, CONFLICT, NOT_FOUND, keyed_router

router = keyed_router("tools")
Tools = Annotated[ToolService, Depends(part(ToolService))]
OfProject = Annotated[str | None, Query(description="The key's by default.")]


@router.get("/tools", responses=NOT_FOUND, openapi_extra=ANALYST)
async def list_tools(
    caller: Caller, tools: Tools, request_id: RequestId, project_id: OfProject = None
) -> Page[ToolView]:
    """List the tools of ML Guard, with their schemas and limits."""
    context = await tools.context(caller, project_id or caller.project_id, request_id)
    return Page.whole(tools.tools(context))


@router.post("/tools/check", responses=NOT_FOUND | CONFLICT, openapi_extra=ANALYST)
async def check_call(
    body: CheckRequest, caller: Caller, tools: Tools, record: EntryDep, request_id: RequestId
) -> CheckView:
    """Check whether a call of any tool is allowed; the check and its result are recorded in the ledger."""
    record.project_id = project_id = body.project_id or caller.project_id
    context = await tools.context(caller, project_id, request_id)
    return await tools.check(body, context, record)


@router.post("/tools/record", responses=NOT_FOUND | CONFLICT, openapi_extra=ANALYST)
async def record_call(body: RecordRequest, caller: Caller, tools: Tools, record: EntryDep) -> RecordView:
    """Record the outcome of a checked call; it is in the ledger once this is answered."""
    return await tools.record(body, caller, record)
