"""Routes of usage and budgets. A key of one project sees and sets what belongs to that project only."""

from typing import Annotated

from fastapi import Depends, Path, Query

from serving.auth.principal import Principal
from serving.auth.security import Caller
from serving.gateway.usage.schemas import BudgetRequest, BudgetView, UsageQuery, UsageView
from serving.gateway.usage.service import UsageService
from serving.http.dependencies import part
from serving.http.paging import Page
from serving.http.routing import ADMIN, ANALYST, NOT_FOUND, ProjectStoreDep, find_project, keyed_router

router = keyed_router("usage")
Usage = Annotated[UsageService, Depends(part(UsageService))]


@router.get("/usage", openapi_extra=ANALYST)
async def read_usage(query: Annotated[UsageQuery, Query()], caller: Caller, usage: Usage) -> Page[UsageView]:
    """Read what was used, summed by local day, project, key, user or model."""
    project_id = query.project_id or caller.project_id
    caller.require("analyst", project_id)
    return await usage.page(query, project_id)


@router.get("/budgets", openapi_extra=ANALYST)
async def list_budgets(caller: Caller, usage: Usage) -> list[BudgetView]:
    """List budgets, and how they stand now."""
    return await usage.budgets(caller.project_id)


@router.put("/budgets", responses=NOT_FOUND, openapi_extra=ADMIN)
async def set_budget(body: BudgetRequest, caller: Caller, usage: Usage, projects: ProjectStoreDep) -> BudgetView:
    """Make a budget, or change the limits of the one of this scope, measure and period; what it has counted stays."""
    _require(caller, usage.project_of(body))
    if body.scope == "project":
        find_project(projects, body.scope_id)
    return await usage.set_budget(body)


@router.delete("/budgets/{budget_id}", status_code=204, responses=NOT_FOUND, openapi_extra=ADMIN)
def remove_budget(budget_id: Annotated[str, Path(description="Id of a budget.")], caller: Caller, usage: Usage) -> None:
    """Remove a budget, with what it has counted."""
    usage.remove_budget(budget_id, caller.project_id)


def _require(caller: Principal, project_id: str | None) -> None:
    if project_id is None:
        caller.require_all_projects("admin")
    else:
        caller.require("admin", project_id)
