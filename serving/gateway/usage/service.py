"""Usage summed by group, and budgets with their present status."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import TypedDict

from guard_core.units import NANO
from guard_store.auth.store import KeyStore
from guard_store.spending.budgets import Budget
from guard_store.spending.latencies import percentile_ms
from guard_store.spending.usage import Latencies, UsageGroup, UsageRow, UsageStore
from serving.auth.oidc.tokens import CALLER_PREFIX
from serving.gateway.calls.gateway import Gateway
from serving.gateway.usage.days import bounds_of, days_between
from serving.gateway.usage.schemas import (
    BudgetRequest,
    BudgetView,
    DaysQuery,
    ModelUsage,
    UsageQuery,
    UsageSummary,
    UsageView,
)
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import NotFound

_TOP = 100


class _Chosen(TypedDict):
    project_id: str | None
    key_id: str | None
    model: str | None


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
        start, end = bounds_of(query, await self._gateway.day_of(project_id))
        offset = decode_cursor(query.cursor, int, 0)
        chosen: _Chosen = {"project_id": project_id, "key_id": query.key_id, "model": query.model}
        rows = self._usage.read(query.groups, first=start, last=end, limit=query.limit + 1, offset=offset, **chosen)
        days = [date.fromisoformat(row.day) for row in rows if row.day] or [start, end]
        calls = self._usage.read_latencies(query.groups, first=min(days), last=max(days), **chosen)
        return page_of(
            rows,
            query.limit,
            position=lambda _: offset + query.limit,
            item=lambda row: UsageView.of(row, calls[row.group(query.groups)]),
        )

    async def summary(self, query: DaysQuery, project_id: str | None) -> UsageSummary:
        """Return usage by day and model, and the sums of the most expensive models, users and keys; raises as `page`."""
        days = days_between(query, await self._gateway.day_of(project_id))
        first, last = date.fromisoformat(days[0]), date.fromisoformat(days[-1])

        def latencies(*groups: UsageGroup) -> Latencies:
            return self._usage.read_latencies(groups, first=first, last=last, project_id=project_id)

        def views(*groups: UsageGroup) -> list[UsageView]:
            rows = self._usage.read(groups, first=first, last=last, project_id=project_id, limit=_TOP, by_cost=True)
            calls = latencies(*groups)
            return [UsageView.of(row, calls[row.group(groups)]) for row in rows]

        by_day = latencies("day")
        models = self._usage.read(("day", "model"), first=first, last=last, project_id=project_id, limit=None)
        by_key = views("key_id")
        budgets = self._gateway.budgets.visible_to(project_id)
        budget_keys = [budget.scope_id for budget in budgets if budget.scope == "key"]
        return UsageSummary(
            project_id=project_id,
            days=days,
            total=next(iter(views()), None),
            latency_p50_ms=[percentile_ms(by_day[day,], 0.5) for day in days],
            latency_p95_ms=[percentile_ms(by_day[day,], 0.95) for day in days],
            models=_by_model(models, latencies("day", "model"), days),
            by_model=views("model"),
            by_user=views("end_user"),
            by_key=by_key,
            key_names=self._keys.names([row.key_id for row in by_key if row.key_id] + budget_keys),
        )

    async def budgets(self, project_id: str | None) -> list[BudgetView]:
        """Return the budgets of a project, or all of them, with their present status."""
        return await self._views(self._gateway.budgets.visible_to(project_id))

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
        return [
            BudgetView.of(status, await self._gateway.resets_us(status.budget, days[status.budget.id]))
            for status in statuses
        ]


def _by_model(rows: Sequence[UsageRow], calls: Latencies, days: Sequence[str]) -> list[ModelUsage]:
    by_model: dict[str, dict[str, UsageRow]] = defaultdict(dict)
    for row in rows:
        by_model[row.model or ""][row.day or ""] = row
    costs = {model: sum(row.cost_nano_usd for row in of_day.values()) for model, of_day in by_model.items()}
    return [
        ModelUsage(
            model=model,
            cost_usd=[of_day[day].cost_nano_usd / NANO if day in of_day else 0.0 for day in days],
            **{
                name: [getattr(of_day[day], name) if day in of_day else 0 for day in days]
                for name in ("requests", "tokens_in", "tokens_out", "unpriced")
            },
            latency_p50_ms=[percentile_ms(calls[day, model], 0.5) for day in days],
            latency_p95_ms=[percentile_ms(calls[day, model], 0.95) for day in days],
        )
        for model, of_day in sorted(by_model.items(), key=lambda item: (-costs[item[0]], item[0]))
    ]
