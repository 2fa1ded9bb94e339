"""Forms of a model's page: retrain, answer a flag, roll back, capture or activate a baseline. Each ends on that page."""

from datetime import date
from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Response
from starlette.responses import RedirectResponse

from guard_core.days import from_microseconds, local_days
from serving.auth.security import Caller
from serving.http.dependencies import RequestId
from serving.http.routing import ADMIN, ANALYST, ActorDep, ModelId, ProjectToChange, ProjectToRead
from serving.monitoring.baselines.endpoints import Baselines
from serving.monitoring.results.days import checked_day, checked_days
from serving.pages import addresses
from serving.pages.forms import read_reason, required_field
from serving.pages.routing import Form, page_router
from serving.retraining.flags.endpoints import Flags
from serving.retraining.flags.schemas import AcknowledgeRequest, ForceRequest
from serving.retraining.versions.endpoints import Versions

router = page_router()
_MODEL = "/projects/{project_id}/models/{model_id}"


@router.post(_MODEL + "/retrain", openapi_extra=ADMIN)
def retrain(project: ProjectToChange, model_id: ModelId, flags: Flags, actor: ActorDep, form: Form) -> Response:
    """Request a training regardless of the retrain rule, with what was known at the end of a local day, by default now."""
    as_of = None
    if form.get("as_of"):
        day = date.fromisoformat(checked_day("as_of", form["as_of"]))
        as_of = from_microseconds(local_days(project.timezone).bounds_us(day)[1])
    flags.force(project, model_id, ForceRequest(reason=read_reason(form), as_of=as_of), actor)
    return _to_model(project.id, model_id)


@router.post(_MODEL + "/retrain/acknowledge", openapi_extra=ADMIN)
def acknowledge_flag(
    project: ProjectToChange, model_id: ModelId, flags: Flags, actor: ActorDep, form: Form
) -> Response:
    """Acknowledge the active flag; with the field `dismiss`, dismiss it so that nothing is trained."""
    answer = AcknowledgeRequest(reason=read_reason(form), dismiss=bool(form.get("dismiss")))
    flags.acknowledge(project.id, model_id, answer, actor)
    return _to_model(project.id, model_id)


@router.post(_MODEL + "/rollback", openapi_extra=ADMIN)
def roll_back(project: ProjectToChange, model_id: ModelId, versions: Versions, actor: ActorDep, form: Form) -> Response:
    """Roll back to the previous champion."""
    versions.roll_back(project.id, model_id, read_reason(form), actor)
    return _to_model(project.id, model_id)


@router.post(_MODEL + "/baselines", openapi_extra=ANALYST)
def capture_baseline(
    project: ProjectToRead,
    model_id: ModelId,
    baselines: Baselines,
    caller: Caller,
    request_id: RequestId,
    form: Form,
) -> Response:
    """Capture a range of local days as the model's new active baseline."""
    days = checked_days(required_field(form, "start"), required_field(form, "end"))
    baselines.capture(project.id, model_id, days, created_by=caller.key_id, request_id=request_id)
    return _to_model(project.id, model_id)


@router.post(_MODEL + "/baselines/{version}/activate", openapi_extra=ANALYST)
def activate_baseline(
    project: ProjectToRead,
    model_id: ModelId,
    version: Annotated[int, Path(ge=1, le=2**31 - 1)],
    baselines: Baselines,
    request_id: RequestId,
    form: Form,  # noqa: ARG001 - the token is checked
) -> Response:
    """Activate a version of the baseline."""
    baselines.activate(project.id, model_id, version, request_id)
    return _to_model(project.id, model_id)


def _to_model(project_id: str, model_id: str) -> Response:
    return RedirectResponse(addresses.model(project_id, model_id), status_code=HTTPStatus.SEE_OTHER)
