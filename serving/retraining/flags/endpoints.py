"""Retraining routes: analysts read; admins force trainings and acknowledge flags, which is recorded with the actor."""

from typing import Annotated

from fastapi import Depends

from serving.http.dependencies import part
from serving.http.paging import Cursor, Limit, Page
from serving.http.routing import (
    ADMIN,
    ANALYST,
    CONFLICT,
    NOT_FOUND,
    ActorDep,
    KnownModelId,
    ModelId,
    ProjectToChange,
    ProjectToRead,
    keyed_router,
)
from serving.monitoring.results.days import QueriedDays
from serving.retraining.flags.schemas import AcknowledgeRequest, EvaluationView, FlagView, ForceRequest
from serving.retraining.flags.service import FlagService

router = keyed_router("retraining")
Flags = Annotated[FlagService, Depends(part(FlagService))]
_MODEL = "/projects/{project_id}/models/{model_id}"


@router.get(_MODEL + "/retrain", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_recommendations(
    project: ProjectToRead,
    model_id: KnownModelId,
    flags: Flags,
    days: QueriedDays,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[EvaluationView]:
    """Read the outcomes of the retrain rule day by day: every reason, and what prevented a recommendation."""
    return flags.evaluations(project.id, model_id, days, cursor, limit)


@router.get(_MODEL + "/flags", responses=NOT_FOUND, openapi_extra=ANALYST)
def list_flags(project: ProjectToRead, model_id: KnownModelId, flags: Flags, limit: Limit = 100) -> Page[FlagView]:
    """List retrain flags, newest first."""
    return flags.newest(project.id, model_id, limit)


@router.post(_MODEL + "/retrain", status_code=201, responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def force_retraining(
    project: ProjectToChange,
    model_id: ModelId,
    body: ForceRequest,
    flags: Flags,
    actor: ActorDep,
) -> FlagView:
    """Request a training regardless of the retrain rule; the sensor starts it within seconds."""
    return FlagView.of(flags.force(project, model_id, body, actor))


@router.post(_MODEL + "/retrain/acknowledge", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def acknowledge_flag(
    project: ProjectToChange,
    model_id: ModelId,
    body: AcknowledgeRequest,
    flags: Flags,
    actor: ActorDep,
) -> FlagView:
    """Acknowledge the active flag, or dismiss it so that nothing is trained."""
    return FlagView.of(flags.acknowledge(project.id, model_id, body, actor))
