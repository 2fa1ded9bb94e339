"""The page about the installation: what waits, what has failed, and how much room is left."""

from typing import Annotated, Final

from fastapi import Depends, Request, Response

from guard_core.alerting import links
from serving.alerts.schemas import DeliveryView
from serving.alerts.service import AlertService
from serving.auth.security import Caller
from serving.health.status.endpoints import StatusDep
from serving.health.status.schemas import FailedDay, Status
from serving.http.dependencies import part
from serving.http.routing import ANALYST
from serving.pages.formats import ago, count
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
_NAMED_MODELS: Final = 3

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
    return pages.page(request, "system.html", status=view, headline=headline(view), dead=dead, retry_link=retry_link)


def retry_link(day: FailedDay) -> dict[str, str]:
    """Return the link to the partition whose materialisation tries a failed day again."""
    return links.of_day("Retry", ASSET_OF_STAGE[day.stage], day.day)


def headline(status: Status) -> str:
    """Return the sentence that answers whether anything waits."""
    findings = [*_silence(status), *_backlog(status)]
    if status.outbox is not None and status.outbox.dead:
        findings.append(f"{count(status.outbox.dead, 'message')} could not be sent")
    if status.problems:
        findings.append(f"{', '.join(status.problems)} cannot be read")
    if not findings:
        return "Everything is processed; nothing waits"
    sentence = "; ".join(findings)
    return sentence[0].upper() + sentence[1:]


def _silence(status: Status) -> list[str]:
    silent = [sensor for sensor in status.sensors or () if sensor.is_silent]
    return [
        f"the Dagster daemon has been silent for {ago(sensor.ticked_at).removesuffix(' ago')}" for sensor in silent[:1]
    ]


def _backlog(status: Status) -> list[str]:
    backlog = status.backlog
    if backlog is None or not (backlog.waiting_days or backlog.failed_days):
        return []
    parts = []
    if backlog.waiting_days:
        parts.append(f"{count(backlog.waiting_days, 'day')} {'waits' if backlog.waiting_days == 1 else 'wait'}")
        if all(sensor.ticked_at is None for sensor in status.sensors or ()):
            parts[0] += " because Dagster's daemon has not run yet"
    if backlog.failed_days:
        names = [f"{model.project_id}/{model.model_id}" for model in backlog.models if model.failed_days]
        more = f" and {len(names) - _NAMED_MODELS} more" if len(names) > _NAMED_MODELS else ""
        days = f"{count(backlog.failed_days, 'day')} failed" if not parts else f"{backlog.failed_days:,} failed"
        parts.append(f"{days}: {', '.join(names[:_NAMED_MODELS])}{more}")
    return [", ".join(parts)]
