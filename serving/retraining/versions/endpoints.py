"""Routes of versions: read by analysts, promoted, rejected and rolled back by admins, every decision on record."""

from typing import Annotated

from fastapi import Path, Query

from serving.http.paging import Limit, Page
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
from serving.retraining.versions import service
from serving.retraining.versions.schemas import (
    Comparison,
    DecisionRequest,
    DecisionView,
    ShadowView,
    VersionDetail,
    VersionView,
)
from serving.services import Provided

router = keyed_router("models")
_MODEL = "/projects/{project_id}/models/{model_id}"
Version = Annotated[str, Path(pattern=r"^[1-9]\d{0,9}$", description="Number of a version.")]
QueriedVersion = Annotated[str, Query(pattern=r"^[1-9]\d{0,9}$", description="Number of a version.")]


@router.get(_MODEL + "/versions", responses=NOT_FOUND, openapi_extra=ANALYST)
def list_versions(project: ProjectToRead, model_id: ModelId, services: Provided) -> Page[VersionView]:
    """List the versions of the registry with their aliases and metrics, newest first."""
    found = service.versions(services, project.id, model_id)
    return Page(items=found, next_cursor=None, state="ok" if found else "no_versions")


@router.get(_MODEL + "/versions/{version}", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_version(project: ProjectToRead, model_id: ModelId, version: Version, services: Provided) -> VersionDetail:
    """Read a version: its cards, its evaluation, the decisions about it."""
    return service.detail(services, project.id, model_id, version)


@router.get(_MODEL + "/comparison", responses=NOT_FOUND, openapi_extra=ANALYST)
def compare_versions(
    project: ProjectToRead, model_id: ModelId, services: Provided, a: QueriedVersion, b: QueriedVersion
) -> Comparison:
    """Compare two versions metric by metric."""
    return service.compare(services, project.id, model_id, a, b)


@router.get(_MODEL + "/decisions", responses=NOT_FOUND, openapi_extra=ANALYST)
def list_decisions(
    project: ProjectToRead, model_id: ModelId, services: Provided, limit: Limit = 100
) -> Page[DecisionView]:
    """List the decisions about a model, by the gate and by people, newest first."""
    found = services.decisions.newest(project.id, model_id, limit)
    items = [DecisionView.of(decision) for decision in found]
    return Page(items=items, next_cursor=None, state="ok" if items else "no_decisions")


@router.get(_MODEL + "/shadow", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_shadow(project: ProjectToRead, model_id: ModelId, services: Provided, limit: Limit = 100) -> Page[ShadowView]:
    """Read how the challenger's answers to live traffic differ from the champion's, by local day, newest first."""
    found = services.shadow.of_model(project.id, model_id, limit)
    items = [ShadowView.of(tally) for tally in found]
    return Page(items=items, next_cursor=None, state="ok" if items else "no_comparisons")


@router.post(_MODEL + "/versions/{version}/promote", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def promote_version(
    project: ProjectToChange,
    model_id: ModelId,
    version: Version,
    body: DecisionRequest,
    services: Provided,
    actor: ActorDep,
) -> VersionView:
    """Make a version the champion, whatever the gate has said; it answers within seconds."""
    return service.promote(services, project.id, model_id, version, body.reason, actor)


@router.post(_MODEL + "/versions/{version}/reject", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def reject_version(
    project: ProjectToChange,
    model_id: ModelId,
    version: Version,
    body: DecisionRequest,
    services: Provided,
    actor: ActorDep,
) -> VersionView:
    """Take the alias `challenger` from a version: it will not be promoted."""
    return service.reject(services, project.id, model_id, version, body.reason, actor)


@router.post(_MODEL + "/rollback", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def roll_back(
    project: ProjectToChange,
    model_id: ModelId,
    body: DecisionRequest,
    services: Provided,
    actor: ActorDep,
) -> VersionView:
    """Make the champion before the present one the champion again."""
    return service.roll_back(services, project.id, model_id, body.reason, actor)
