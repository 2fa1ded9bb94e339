"""The first page: which models need attention, and what happened last."""

from typing import Annotated

from fastapi import Query, Request, Response

from guard_core.formats import count
from guard_core.names import display_name
from ml.charts.sparklines import sparkline
from ml.charts.timelines import strip
from serving.auth.security import Caller
from serving.http.routing import ANALYST
from serving.overview.endpoints import DAYS, OverviewDep
from serving.overview.schemas import Overview
from serving.pages.rendering import RendererDep
from serving.pages.routing import page_router

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
    return pages.page(
        request,
        "overview.html",
        overview=view,
        headline=headline(view),
        days=days,
        strip=strip,
        sparkline=sparkline,
        display_name=display_name,
    )


def headline(overview: Overview) -> str:
    """Return the sentence that answers whether there is anything to do."""
    others = sum(alert.acknowledged_at is None for alert in overview.other_alerts)
    needing = sum(model.needs_attention for model in overview.models)
    if not others:
        return _models_sentence(len(overview.models), needing)
    alerts = f"{count(others, 'alert')} {'needs' if others == 1 else 'need'} you"
    if not overview.models:
        return f"{alerts}; no model has sent events yet"
    if not needing:
        return f"{alerts}, about no single model"
    return f"{_models_sentence(len(overview.models), needing)}, and so {'does' if others == 1 else 'do'} {count(others, 'other alert')}"


def _models_sentence(total: int, needing: int) -> str:
    if not total:
        return "No model has sent events yet"
    if total == 1:
        return "Your model needs you" if needing else "Your model is fine"
    if not needing:
        return f"All {total} models are fine"
    return f"{needing} of {total} models {'needs' if needing == 1 else 'need'} you"
