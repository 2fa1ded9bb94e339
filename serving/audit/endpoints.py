"""Routes of the audit ledger, for admins; an admin of a single project sees the rows of that project only."""

from typing import Annotated

from fastapi import Depends, Path, Query
from fastapi.responses import StreamingResponse

from guard_store.ledger.export import write_csv
from guard_store.ledger.store import LedgerFilter
from serving.audit.schemas import (
    AuditPageQuery,
    AuditQuery,
    BodiesView,
    CheckpointView,
    LedgerRowView,
    VerificationView,
)
from serving.audit.service import AuditService
from serving.auth.principal import Principal
from serving.auth.security import Caller
from serving.http.dependencies import EntryDep, part
from serving.http.paging import Page
from serving.http.problems import NotFound
from serving.http.routing import ADMIN, ADMIN_OF_ALL, NOT_FOUND, keyed_router

router = keyed_router("audit")
Audit = Annotated[AuditService, Depends(part(AuditService))]

Filters = Annotated[AuditQuery, Query()]
RequestOf = Annotated[str, Path(description="Id of a request: `X-Request-ID` of its answer.")]
PageQuery = Annotated[AuditPageQuery, Query()]


@router.get("/audit", openapi_extra=ADMIN)
def list_rows(query: PageQuery, caller: Caller, audit: Audit) -> Page[LedgerRowView]:
    """List rows of the ledger, newest first."""
    return audit.page(filter_of(query, caller), query.cursor, query.limit)


@router.get(
    "/audit/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}}},
    openapi_extra=ADMIN,
)
def export_rows(query: Filters, caller: Caller, audit: Audit) -> StreamingResponse:
    """Export rows as CSV, oldest first, every column as it was hashed; a whole export can be verified offline."""
    return csv_response(audit, filter_of(query, caller))


@router.get("/audit/{request_id}/bodies", responses=NOT_FOUND, openapi_extra=ADMIN)
def read_bodies(request_id: RequestOf, caller: Caller, audit: Audit, record: EntryDep) -> Page[BodiesView]:
    """Read the recorded bodies of the requests with an id, newest first, as redacted by the content policy."""
    record.details["read_bodies_of"] = request_id[:128]
    record.project_id = caller.project_id
    bodies = audit.bodies.of_request(request_id, caller.project_id)
    if not bodies:
        raise NotFound(f"No bodies are recorded for request {request_id[:128]!r}.")
    record.project_id = bodies[0].project_id
    return Page.whole(map(BodiesView.of, bodies))


@router.get("/audit/checkpoints", openapi_extra=ADMIN_OF_ALL)
def list_checkpoints(audit: Audit) -> Page[CheckpointView]:
    """List the signed checkpoints, oldest first; an offline verification needs them."""
    return Page.whole(map(CheckpointView.of, audit.store.checkpoints()), empty="no_checkpoints")


@router.post("/audit/verify", openapi_extra=ADMIN_OF_ALL)
def verify(audit: Audit) -> VerificationView:
    """Verify the whole chain, and report the first row at which it is broken."""
    return VerificationView.of(audit.store.verify())


def filter_of(query: AuditQuery, caller: Principal) -> LedgerFilter:
    """Return the filter of the rows that a caller asks for, and may read."""
    ledger_filter = query.filter(caller.project_id)
    caller.require("admin", ledger_filter.project_id)
    return ledger_filter


def csv_response(audit: AuditService, ledger_filter: LedgerFilter) -> StreamingResponse:
    """Return the export of rows as a file."""
    headers = {"Content-Disposition": 'attachment; filename="ledger.csv"'}
    return StreamingResponse(write_csv(audit.store.all_rows(ledger_filter)), media_type="text/csv", headers=headers)
