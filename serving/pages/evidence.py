"""The page of evidence: one id in, and out what led to it and what became of it."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Request, Response

from guard_store.retraining.reasons import reason_text
from serving.audit.endpoints import Audit, filter_of
from serving.audit.schemas import AuditQuery, LedgerRowView
from serving.audit.service import AuditService
from serving.auth.principal import Principal
from serving.auth.security import Caller
from serving.http.dependencies import EntryDep
from serving.http.problems import Conflict, NotFound
from serving.http.routing import ANALYST
from serving.pages.rendering import Renderer, RendererDep
from serving.pages.routing import page_router
from serving.retraining.lineage.endpoints import Lineages
from serving.retraining.lineage.schemas import Lineage

_ROWS = 20

router = page_router()


@router.get("/evidence", openapi_extra=ANALYST)
def show_evidence(
    request: Request,
    caller: Caller,
    pages: RendererDep,
    lineages: Lineages,
    entry: EntryDep,
    audit: Audit,
    traced_id: Annotated[str, Query(alias="id", max_length=300)] = "",
    project_id: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Show all evidence about an id, or the form that takes one."""
    traced_id = traced_id.strip()
    context: dict[str, Any] = {
        "traced_id": traced_id,
        "lineage": None,
        "projects": (),
        "rows": (),
        "reason_text": reason_text,
    }
    if not traced_id:
        return pages.page(request, "evidence.html", headline="What led to a prediction?", **context)
    try:
        lineage = lineages.trace(caller, traced_id, project_id or None)
    except NotFound:
        return _show_request(request, caller, pages, audit, traced_id, context)
    except Conflict as problem:
        context["projects"] = problem.members["projects"]
        text = f"Events of several projects have the id {traced_id}"
        return pages.page(request, "evidence.html", HTTPStatus.CONFLICT, headline=text, **context)
    entry.project_id = lineage.project_id
    context["lineage"] = lineage
    return pages.page(request, "evidence.html", headline=headline(lineage, traced_id), **context)


def _show_request(
    request: Request, caller: Principal, pages: Renderer, audit: AuditService, traced_id: str, context: dict[str, Any]
) -> Response:
    """Show the rows of the ledger of a request that made no prediction, such as a call of a language model, to admins."""
    rows: Sequence[LedgerRowView] = ()
    if caller.has_role("admin"):
        rows = audit.page(filter_of(AuditQuery(request_id=traced_id), caller), None, _ROWS).items
    if not rows:
        text = f"Nothing has the id {traced_id}"
        return pages.page(request, "evidence.html", HTTPStatus.NOT_FOUND, headline=text, **context)
    text = f"Request {traced_id}: {rows[0].route}, answered with {rows[0].status}"
    return pages.page(request, "evidence.html", headline=text, **context | {"rows": rows})


def headline(lineage: Lineage, traced_id: str) -> str:
    """Return the sentence that answers what the id is, and what came of it."""
    model = f"{lineage.project_id} / {lineage.model_id}"
    prediction, version = lineage.prediction, lineage.model_version
    if prediction is not None:
        by = model if version is None else f"Version {version.version} of {model}"
        outcome = "no label yet" if lineage.label is None else f"the label is {lineage.label.y_true}"
        return f"{by} predicted {prediction.prediction} for {prediction.event_id}; {outcome}"
    if version is not None:
        aliases = f", the {' and '.join(version.aliases)}" if version.aliases else ""
        return f"Version {version.version} of {model}{aliases}"
    return f"{'A training' if lineage.training_run is not None else 'A flag'} of {model}: {traced_id}"
