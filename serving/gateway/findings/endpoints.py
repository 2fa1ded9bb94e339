"""The route of findings, for analysts; a key of one project reads the findings of that project."""

from typing import Annotated

from fastapi import Depends, Query

from serving.auth.security import Caller
from serving.gateway.findings.schemas import FindingsView
from serving.gateway.findings.service import FindingsService
from serving.gateway.usage.schemas import DaysQuery
from serving.http.dependencies import part
from serving.http.routing import ANALYST, keyed_router

router = keyed_router("policy")
Findings = Annotated[FindingsService, Depends(part(FindingsService))]


@router.get("/policy/findings", openapi_extra=ANALYST)
def read_findings(query: Annotated[DaysQuery, Query()], caller: Caller, findings: Findings) -> FindingsView:
    """Read the requests in which a content policy has findings, by local day and rule."""
    project_id = query.project_id or caller.project_id
    caller.require("analyst", project_id)
    return findings.read(query, project_id)
