"""Calls of language models and costs: what has been spent, on what, what is left, and what the content policies have found."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Request, Response
from markupsafe import Markup
from starlette.responses import RedirectResponse

from guard_core.formats import count, milliseconds, usd
from ml.charts.bars import Bars, bar_chart
from ml.charts.gauges import gauge
from ml.charts.lines import Line, LineChart
from ml.charts.sparklines import sparkline
from serving.auth.security import Caller
from serving.costs.endpoints import Costs
from serving.costs.schemas import MonthView
from serving.gateway.findings.endpoints import Findings
from serving.gateway.usage.endpoints import Usage, remove_budget, set_budget
from serving.gateway.usage.schemas import BudgetRequest, BudgetView, DaysQuery, ModelUsage, UsageSummary
from serving.http.routing import ADMIN, ANALYST, ProjectStoreDep, find_project
from serving.pages import addresses
from serving.pages.forms import validate_form, without_empty
from serving.pages.rendering import RendererDep
from serving.pages.routing import Form, page_router

_COLOURS = 8

router = page_router()


@router.get("/costs", openapi_extra=ANALYST)
async def show_costs(
    request: Request,
    caller: Caller,
    pages: RendererDep,
    usage: Usage,
    costs: Costs,
    findings: Findings,
    projects: ProjectStoreDep,
    *,
    project: Annotated[str | None, Query(max_length=128)] = None,
    start: date | None = None,
    end: date | None = None,
) -> Response:
    """Show usage of language models, budgets, costs at AWS and findings."""
    project_id = project or caller.project_id
    caller.require("analyst", project_id)
    stored = None if project_id is None else await asyncio.to_thread(find_project, projects, project_id)
    query = DaysQuery(start=start, end=end, project_id=project_id)
    summary = await usage.summary(query, project_id)
    budgets = await usage.budgets(project_id)
    month = await asyncio.to_thread(costs.month, stored)
    found = await asyncio.to_thread(findings.read, query, project_id)
    return pages.page(
        request,
        "costs.html",
        headline=headline(month, budgets),
        project_id=project_id,
        summary=summary,
        budgets=budgets,
        month=month,
        findings=found,
        **_charts(summary, project_id),
        gauge=gauge,
        sparkline=sparkline,
    )


@router.post("/costs/budgets", openapi_extra=ADMIN)
async def save_budget(caller: Caller, usage: Usage, projects: ProjectStoreDep, form: Form) -> Response:
    """Create a budget, or change the limits of the one with this scope, measure and period."""
    fields = without_empty(
        {name: form.get(name) for name in ("scope", "scope_id", "measure", "period", "soft", "hard")}
    )
    await set_budget(validate_form(BudgetRequest, fields), caller, usage, projects)
    return RedirectResponse("/costs#budgets", HTTPStatus.SEE_OTHER)


@router.post("/costs/budgets/{budget_id}/remove", openapi_extra=ADMIN)
def delete_budget(budget_id: str, caller: Caller, usage: Usage, form: Form) -> Response:  # noqa: ARG001 - the token is checked
    """Remove a budget and its counts."""
    remove_budget(budget_id, caller, usage)
    return RedirectResponse("/costs#budgets", HTTPStatus.SEE_OTHER)


def _charts(summary: UsageSummary, project_id: str | None) -> dict[str, Any]:
    def rows_of(day: str) -> str:
        return addresses.audit(project=project_id, from_=day, to=day)

    parts = stack(summary.models)
    tokens = [
        Bars("prompts", "part-0", _sum_by_day([model.tokens_in for model in summary.models])),
        Bars("answers", "part-2", _sum_by_day([model.tokens_out for model in summary.models])),
    ]
    return {
        "parts": parts,
        "cost_chart": bar_chart("Cost by day and model", summary.days, parts, text=usd, href=rows_of),
        "latency_chart": latency_chart(summary, rows_of) if parts else "",
        "token_chart": bar_chart("Tokens by day", summary.days, tokens, href=rows_of) if parts else "",
    }


def latency_chart(summary: UsageSummary, href: Callable[[str], str]) -> Markup:
    """Return the median and the 95th percentile of the latency of answered calls, by day."""
    lines = [Line("p50", "part-0", summary.latency_p50_ms), Line("p95", "part-3", summary.latency_p95_ms)]
    return LineChart(
        "Latency of calls by day", summary.days, lines, href=href, text=milliseconds, from_zero=True
    ).draw()


def _sum_by_day(amounts: Sequence[Sequence[float]]) -> list[float]:
    return [sum(of_day) for of_day in zip(*amounts, strict=True)]


def headline(month: MonthView, budgets: Sequence[BudgetView]) -> str:
    """Return the sentence that answers what the calls cost, and whether a budget needs attention."""
    sentence = f"{usd(float(month.llm_usd))} this month"
    if month.llm.expected is not None:
        sentence += f", {usd(max(month.llm.expected, float(month.llm_usd)))} expected"
    spent = sum(budget.is_spent for budget in budgets)
    short = sum(budget.is_short for budget in budgets)
    above = sum(budget.is_above_soft and not (budget.is_spent or budget.is_short) for budget in budgets)
    if spent:
        sentence += f"; {count(spent, 'budget')} {'is' if spent == 1 else 'are'} spent: calls are refused"
    if short:
        sentence += f"; {count(short, 'budget')} {'has' if short == 1 else 'have'} too little left: calls are refused"
    if above:
        sentence += f"; {count(above, 'budget')} {'is' if above == 1 else 'are'} above the soft limit"
    return sentence


def stack(models: Sequence[ModelUsage]) -> list[Bars]:
    """Return the costs of the most expensive models, and of all others together, as parts of bars."""
    shown = models if len(models) <= _COLOURS else models[: _COLOURS - 1]
    parts = [Bars(model.model, f"part-{index}", model.cost_usd) for index, model in enumerate(shown)]
    others = models[len(shown) :]
    if others:
        amounts = _sum_by_day([model.cost_usd for model in others])
        parts.append(Bars(count(len(others), "other model"), f"part-{_COLOURS - 1}", amounts))
    return parts
