"""Routes of usage and budgets. A key of one project sees and sets what belongs to that project only."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import Path, Query

from guard_store.spending.budgets import Budget
from guard_store.spending.usage import UsageStore
from serving.auth.oidc.tokens import CALLER_PREFIX
from serving.auth.principal import Principal
from serving.auth.security import Caller
from serving.gateway.calls.gateway import Gate
from serving.gateway.usage.schemas import BudgetRequest, BudgetView, UsageQuery, UsageView
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import NotFound, Unprocessable
from serving.http.routing import ADMIN, ANALYST, NOT_FOUND, find_project, keyed_router
from serving.services import Provided, Services

router = keyed_router("usage")

_DAYS = timedelta(days=30)


@router.get("/usage", openapi_extra=ANALYST)
async def read_usage(query: Annotated[UsageQuery, Query()], caller: Caller, services: Provided) -> Page[UsageView]:
    """Read what was used, summed by local day, project, key, user or model."""
    project_id = query.project_id or caller.project_id
    caller.require("analyst", project_id)
    end = query.end or await services.gate.day_of(project_id)
    start = query.start or end - _DAYS
    if start > end:
        raise Unprocessable("start: must not be after end.", errors=[{"field": "start", "reason": "is after end"}])
    offset = decode_cursor(query.cursor, int, 0)
    rows = UsageStore(services.database).read(
        query.groups,
        first=start,
        last=end,
        project_id=project_id,
        key_id=query.key_id,
        model=query.model,
        limit=query.limit + 1,
        offset=offset,
    )
    return page_of(rows, query.limit, position=lambda _: offset + query.limit, item=UsageView.of)


@router.get("/budgets", openapi_extra=ANALYST)
async def list_budgets(caller: Caller, services: Provided) -> list[BudgetView]:
    """List budgets, and how they stand now."""
    found = [b for b in services.gate.budgets.of() if caller.project_id in (None, b.project_id)]
    return await _shown(services.gate, found)


@router.put("/budgets", responses=NOT_FOUND, openapi_extra=ADMIN)
async def set_budget(body: BudgetRequest, caller: Caller, services: Provided) -> BudgetView:
    """Make a budget, or change the limits of the one of this scope, measure and period; what it has counted stays."""
    _require(caller, _project_of(body, services))
    if body.scope == "project":
        find_project(services.projects, body.scope_id)
    budget = services.gate.budgets.put(
        body.scope,
        body.scope_id,
        body.measure,
        body.period,
        soft=body.stored(body.soft),
        hard=body.stored(body.hard),
    )
    (shown,) = await _shown(services.gate, [budget])
    return shown


@router.delete("/budgets/{budget_id}", status_code=204, responses=NOT_FOUND, openapi_extra=ADMIN)
def remove_budget(
    budget_id: Annotated[str, Path(description="Id of a budget.")], caller: Caller, services: Provided
) -> None:
    """Remove a budget, with what it has counted."""
    budget = services.gate.budgets.get(budget_id)
    if budget is None or caller.project_id not in (None, budget.project_id):
        raise NotFound(f"There is no budget {budget_id!r}.")
    services.gate.budgets.remove(budget_id)


def _project_of(body: BudgetRequest, services: Services) -> str | None:
    """The project that a budget is about; None for a key of all projects."""
    if body.scope == "project":
        return body.scope_id
    if services.tokens is not None and body.scope_id.startswith(CALLER_PREFIX):
        return None  # its project stands in each token
    key = services.keys.get(body.scope_id)
    if key is None:
        raise NotFound(f"There is no key {body.scope_id!r}.")
    return key.project_id


def _require(caller: Principal, project_id: str | None) -> None:
    if project_id is None:
        caller.require_all_projects("admin")
    else:
        caller.require("admin", project_id)


async def _shown(gate: Gate, found: Sequence[Budget]) -> list[BudgetView]:
    days = {budget.id: await gate.today(budget) for budget in found}
    return [BudgetView.of(standing) for standing in gate.budgets.statuses(found, lambda budget: days[budget.id])]
