"""Usage summed by group, and budgets with their present status."""

from collections.abc import Sequence
from datetime import timedelta

from guard_store.auth.store import KeyStore
from guard_store.spending.budgets import Budget
from guard_store.spending.usage import UsageStore
from serving.auth.oidc.tokens import CALLER_PREFIX
from serving.gateway.calls.gateway import Gateway
from serving.gateway.usage.schemas import BudgetRequest, BudgetView, UsageQuery, UsageView
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import NotFound, Unprocessable

_DAYS = timedelta(days=30)


class UsageService:
    """Reads usage; lists, sets and removes budgets."""

    def __init__(self, gateway: Gateway, usage: UsageStore, keys: KeyStore, *, accepts_tokens: bool) -> None:
        self._gateway = gateway
        self._usage = usage
        self._keys = keys
        self._accepts_tokens = accepts_tokens

    async def page(self, query: UsageQuery, project_id: str | None) -> Page[UsageView]:
        """Return a page of sums of usage.

        Raises
        ------
        Unprocessable
            If the first day is after the last one.
        """
        end = query.end or await self._gateway.day_of(project_id)
        start = query.start or end - _DAYS
        if start > end:
            raise Unprocessable("start: must not be after end.", errors=[{"field": "start", "reason": "is after end"}])
        offset = decode_cursor(query.cursor, int, 0)
        rows = self._usage.read(
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

    async def budgets(self, project_id: str | None) -> list[BudgetView]:
        """Return the budgets of a project, or all of them, with their present status."""
        return await self._views([b for b in self._gateway.budgets.of() if project_id in (None, b.project_id)])

    def project_of(self, body: BudgetRequest) -> str | None:
        """Return the project that a budget belongs to; None if its key is valid for all projects.

        Raises
        ------
        NotFound
            If there is no such key.
        """
        if body.scope == "project":
            return body.scope_id
        if self._accepts_tokens and body.scope_id.startswith(CALLER_PREFIX):
            return None  # the project of an OIDC caller is a claim of each token, not stored
        key = self._keys.get(body.scope_id)
        if key is None:
            raise NotFound(f"There is no key {body.scope_id!r}.")
        return key.project_id

    async def set_budget(self, body: BudgetRequest) -> BudgetView:
        """Create a budget, or change the limits of the one with this scope, measure and period."""
        budget = self._gateway.budgets.put(
            body.scope,
            body.scope_id,
            body.measure,
            body.period,
            soft=body.to_stored(body.soft),
            hard=body.to_stored(body.hard),
        )
        (view,) = await self._views([budget])
        return view

    def remove_budget(self, budget_id: str, project_id: str | None) -> None:
        """Remove a budget and its counts.

        Raises
        ------
        NotFound
            If there is none, or it belongs to a project other than the caller's.
        """
        budget = self._gateway.budgets.get(budget_id)
        if budget is None or project_id not in (None, budget.project_id):
            raise NotFound(f"There is no budget {budget_id!r}.")
        self._gateway.budgets.remove(budget_id)

    async def _views(self, budgets: Sequence[Budget]) -> list[BudgetView]:
        days = {budget.id: await self._gateway.today(budget) for budget in budgets}
        statuses = self._gateway.budgets.statuses(budgets, lambda budget: days[budget.id])
        return [BudgetView.of(status) for status in statuses]
