"""Routes of usage and budgets. A key of one project reads and sets only what belongs to that project."""

from typing import Annotated

from fastapi import Depends, Path, Query

from serving.auth.principal import Principal
from serving.auth.security import Caller
from serving.gateway.usage.schemas import BudgetRequest, BudgetView, DaysQuery, UsageQuery, UsageSummary, UsageView
from serving.gateway.usage.service import UsageService
from serving.http.dependencies import part
from serving.http.paging import Page
from serving.http.routing import ADMIN, ANALYST, NOT_FOUND, ProjectStoreDep, find_project, keyed_router

router = keyed_router("usage")
Usage = Annotated[UsageService, Depends(part(UsageService))]


@router.get("/usage", openapi_extra=ANALYST)
async def read_usage(query: Annotated[UsageQuery, Query()], caller: Caller, usage: Usage) -> Page[UsageView]:
    """Read usage, summed by local day, project, key, user or model."""
    project_id = query.project_id or caller.project_id
    caller.require("analyst", project_id)
    return await usage.page(query, project_id)


@router.get("/usage/summary", openapi_extra=ANALYST)
async def read_usage_summary(query: Annotated[DaysQuery, Query()], caller: Caller, usage: Usage) -> UsageSummary:
    """Read usage by local day and model, and the most expensive models, users and keys of the whole range."""
    project_id = query.project_id or caller.project_id
    caller.require("analyst", project_id)
    return await usage.summary(query, project_id)


@router.get("/budgets", openapi_extra=ANALYST)
async def list_budgets(caller: Caller, usage: Usage) -> Page[BudgetView]:
    """List budgets with their present status."""
    return Page.whole(await usage.budgets(caller.project_id), empty="no_budgets")


@router.put("/budgets", responses=NOT_FOUND, openapi_extra=ADMIN)
async def set_budget(body: BudgetRequest, caller: Caller, usage: Usage, projects: ProjectStoreDep) -> BudgetView:
    """Create a budget, or change the limits of the one with this scope, measure and period; its counts stay."""
    _require(caller, usage.project_of(body))
    if body.scope == "project":
        find_project(projects, body.scope_id)
    return await usage.set_budget(body)


@router.delete("/budgets/{budget_id}", status_code=204, responses=NOT_FOUND, openapi_extra=ADMIN)
def remove_budget(budget_id: Annotated[str, Path(description="Id of a budget.")], caller: Caller, usage: Usage) -> None:
    """Remove a budget and its counts."""
    usage.remove_budget(budget_id, caller.project_id)


def _require(caller: Principal, project_id: str | None) -> None:
    if project_id is None:
        caller.require_all_projects("admin")
    else:
        caller.require("admin", project_id)
