"""The first page: which models need attention, and what happened last."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

from fastapi import Query, Request, Response

from guard_core.formats import count, day, usd
from guard_core.names import display_name
from ml.charts.sparklines import sparkline
from ml.charts.timelines import TEXTS, strip
from serving.auth.security import Caller
from serving.http.routing import ANALYST
from serving.overview.endpoints import DAYS, OverviewDep
from serving.overview.schemas import FullestBudget, ModelOverview, Overview
from serving.pages import addresses
from serving.pages.rendering import RendererDep
from serving.pages.routing import page_router

_RECENT: Final = timedelta(days=2)
"""A local day that began so long before today in UTC is over in every time zone, and has its verdict unless something is wrong."""

router = page_router()


@router.get("/", openapi_extra=ANALYST)
def show_overview(
    request: Request,
    caller: Caller,
    pages: RendererDep,
    overview: OverviewDep,
    days: Annotated[int, Query(ge=1, le=366)] = DAYS,
) -> Response:
    """Show all models at a glance."""
    view = overview.read(caller.project_id, days)
    today = datetime.now(UTC).date()
    return pages.page(
        request,
        "overview.html",
        overview=view,
        headline=headline(view, today),
        last_verdict=lambda model: last_verdict(model, today),
        days=days,
        strip=strip,
        days_of=lambda model: addresses.model_days(model.project_id, model.model_id),
        budget_note=budget_note,
        sparkline=sparkline,
        display_name=display_name,
    )


def budget_note(budget: FullestBudget) -> str:
    """Return how much of a budget is spent, and whose it is.

    >>> budget_note(FullestBudget(scope="project", scope_id="shop", name="shop", period="month", limit_usd=50, share=0.8))
    '80% of $50.00 a month of project shop'
    """
    period = {"day": "a day", "month": "a month", "total": "in total"}[budget.period]
    return f"{budget.share:.0%} of {usd(budget.limit_usd)} {period} of {budget.scope} {budget.name}"


def headline(overview: Overview, today: date) -> str:
    """Return the sentence that answers whether there is anything to do, and whether the absence of alerts rests on verdicts."""
    others = sum(alert.acknowledged_at is None for alert in overview.other_alerts)
    needing = sum(model.needs_attention for model in overview.models)
    if not others:
        unjudged = sum(not _is_judged(model, today) for model in overview.models)
        return _models_sentence(len(overview.models), needing, unjudged)
    alerts = f"{count(others, 'alert')} {'needs' if others == 1 else 'need'} you"
    if not overview.models:
        return f"{alerts}; no model has sent events yet"
    if not needing:
        return f"{alerts}, about no single model"
    return f"{_models_sentence(len(overview.models), needing, 0)}, and so {'does' if others == 1 else 'do'} {count(others, 'other alert')}"


def last_verdict(model: ModelOverview, today: date) -> str:
    """Return the newest verdict on a model's days, or why there is no recent one."""
    newest = model.days[-1]
    if date.fromisoformat(newest) < today - _RECENT:
        return f"no events since {day(newest)}"
    reports = [(on, verdict) for on, verdict in zip(model.days, model.verdicts, strict=True) if verdict is not None]
    if not reports:
        return "not judged yet"
    on, verdict = reports[-1]
    return f"{TEXTS[verdict]} on {day(on)}" if _is_current(model, on, today) else f"not judged since {day(on)}"


def _is_judged(model: ModelOverview, today: date) -> bool:
    """Return whether the newest day of a model that must have a verdict has one, and days are recent."""
    reports = [
        on for on, verdict in zip(model.days, model.verdicts, strict=True) if verdict in {"drift", "warning", "stable"}
    ]
    is_recent = date.fromisoformat(model.days[-1]) >= today - _RECENT
    return is_recent and bool(reports) and _is_current(model, reports[-1], today)


def _is_current(model: ModelOverview, reported: str, today: date) -> bool:
    """Return whether no day with events that is surely over is newer than a reported one."""
    return not any(reported < on <= (today - _RECENT).isoformat() for on in model.days)


def _models_sentence(total: int, needing: int, unjudged: int) -> str:
    if not total:
        return "No model has sent events yet"
    if not needing:
        if not unjudged:
            return "No alert needs you"
        if total == 1:
            return "No alert needs you; your model has no recent verdict"
        return (
            f"No alert needs you; {unjudged} of {total} models {'has' if unjudged == 1 else 'have'} no recent verdict"
        )
    if total == 1:
        return "Your model needs you"
    return f"{needing} of {total} models {'needs' if needing == 1 else 'need'} you"
