"""The page about the installation: what waits, what has failed, and how much room is left."""

from typing import Annotated, Final

from fastapi import Depends, Request, Response

from guard_core.alerting import links
from serving.alerts.schemas import DeliveryView
from serving.alerts.service import AlertService
from serving.auth.security import Caller
from serving.health.status.endpoints import StatusDep
from serving.health.status.schemas import FailedDay
from serving.http.dependencies import part
from serving.http.routing import ANALYST
from serving.pages.rendering import RendererDep
from serving.pages.routing import page_router

ASSET_OF_STAGE: Final = {
    "lake": "raw_events",
    "profile": "daily_aggregates",
    "drift": "drift_reports",
    "performance": "performance",
    "retrain": "retrain_recommended",
}
"""Dagster's asset of each stage."""
_DEAD_MESSAGES: Final = 10

router = page_router()


@router.get("/system", openapi_extra=ANALYST)
def show_system(
    request: Request,
    caller: Caller,
    pages: RendererDep,
    status: StatusDep,
    alerts: Annotated[AlertService, Depends(part(AlertService))],
) -> Response:
    """Show the state of the installation."""
    view = status.read(caller.project_id)
    dead: list[DeliveryView] = []
    if view.outbox is not None and view.outbox.dead:
        dead = alerts.messages(caller.project_id, "dead", None, _DEAD_MESSAGES).items
    return pages.page(request, "system.html", status=view, dead=dead, retry_link=retry_link)


def retry_link(day: FailedDay) -> dict[str, str]:
    """Return the link to the partition whose materialisation tries a failed day again."""
    return links.of_day("Retry", ASSET_OF_STAGE[day.stage], day.day)
