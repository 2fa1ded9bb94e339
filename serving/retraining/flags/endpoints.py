"""Routes of retraining: read by analysts, forced and acknowledged by admins; whoever decides is on record."""

from serving.http.paging import Cursor, Limit, Page, decode_cursor, page_of
from serving.http.problems import NotFound
from serving.http.routing import (
    ADMIN,
    ANALYST,
    CONFLICT,
    NOT_FOUND,
    ActorDep,
    ModelId,
    ProjectToChange,
    ProjectToRead,
    keyed_router,
)
from serving.monitoring.results.days import QueriedDays
from serving.retraining.flags import service
from serving.retraining.flags.schemas import AcknowledgeRequest, EvaluationView, FlagView, ForceRequest
from serving.services import Provided

router = keyed_router("retraining")
_MODEL = "/projects/{project_id}/models/{model_id}"


@router.get(_MODEL + "/retrain", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_recommendations(
    project: ProjectToRead,
    model_id: ModelId,
    services: Provided,
    days: QueriedDays,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[EvaluationView]:
    """Read what the retrain rule has said, day by day: every reason, and what held it back."""
    after_day = decode_cursor(cursor, str, "")
    found = services.evaluations.days(project.id, model_id, days.start, days.end, after_day=after_day, limit=limit + 1)
    return page_of(
        found,
        limit,
        position=lambda one: one.day,
        item=EvaluationView.of,
        state=lambda: "not_processed" if services.news.list(project.id, model_id, "", "~", limit=1) else "no_events",
    )


@router.get(_MODEL + "/flags", responses=NOT_FOUND, openapi_extra=ANALYST)
def list_flags(project: ProjectToRead, model_id: ModelId, services: Provided, limit: Limit = 100) -> Page[FlagView]:
    """List the newest retrain flags, the last one first."""
    found = services.retrain.newest(project.id, model_id, limit)
    return Page(items=[FlagView.of(flag) for flag in found], next_cursor=None, state="ok" if found else "no_flags")


@router.post(_MODEL + "/retrain", status_code=201, responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def force_retraining(
    project: ProjectToChange,
    model_id: ModelId,
    body: ForceRequest,
    services: Provided,
    actor: ActorDep,
) -> FlagView:
    """Ask for a training whatever the rule says; the sensor starts it within seconds."""
    return FlagView.of(service.force(services, project, model_id, body, actor))


@router.post(_MODEL + "/retrain/acknowledge", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def acknowledge_flag(
    project: ProjectToChange,
    model_id: ModelId,
    body: AcknowledgeRequest,
    services: Provided,
    actor: ActorDep,
) -> FlagView:
    """Say that the active flag has been seen, or that nothing is to be trained for it."""
    flag = services.retrain.active(project.id, model_id)
    if flag is None:
        raise NotFound(f"Model {model_id!r} has no active retrain flag.")
    return FlagView.of(service.acknowledge(services, flag, body, actor))
