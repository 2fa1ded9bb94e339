"""Version routes: analysts read versions; admins promote, reject and roll back, and every decision is recorded."""

from typing import Annotated

from fastapi import Depends, Path, Query

from serving.http.dependencies import part
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
from serving.retraining.versions.schemas import (
    Comparison,
    Curves,
    DecisionRequest,
    DecisionView,
    ShadowView,
    VersionDetail,
    VersionView,
)
from serving.retraining.versions.service import VersionService

router = keyed_router("models")
Versions = Annotated[VersionService, Depends(part(VersionService))]
_MODEL = "/projects/{project_id}/models/{model_id}"
Version = Annotated[str, Path(pattern=r"^[1-9]\d{0,9}$", description="Number of a version.")]
QueriedVersion = Annotated[str, Query(pattern=r"^[1-9]\d{0,9}$", description="Number of a version.")]


@router.get(_MODEL + "/versions", responses=NOT_FOUND, openapi_extra=ANALYST)
def list_versions(project: ProjectToRead, model_id: ModelId, versions: Versions) -> Page[VersionView]:
    """List the registered versions of a model with their aliases and metrics, newest first."""
    return Page.whole(versions.versions(project.id, model_id), empty="no_versions")


@router.get(_MODEL + "/versions/{version}", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_version(project: ProjectToRead, model_id: ModelId, version: Version, versions: Versions) -> VersionDetail:
    """Read a version with its cards, its evaluation and the decisions about it."""
    return versions.detail(project.id, model_id, version)


@router.get(_MODEL + "/versions/{version}/curves", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_curves(project: ProjectToRead, model_id: ModelId, version: Version, versions: Versions) -> Curves:
    """Read the curves of a version on its held-out days: ROC, precision and recall, calibration; or errors."""
    return versions.curves(project.id, model_id, version)


@router.get(_MODEL + "/comparison", responses=NOT_FOUND, openapi_extra=ANALYST)
def compare_versions(
    project: ProjectToRead, model_id: ModelId, versions: Versions, a: QueriedVersion, b: QueriedVersion
) -> Comparison:
    """Compare two versions metric by metric."""
    return versions.compare(project.id, model_id, a, b)


@router.get(_MODEL + "/decisions", responses=NOT_FOUND, openapi_extra=ANALYST)
def list_decisions(
    project: ProjectToRead, model_id: ModelId, versions: Versions, limit: Limit = 100
) -> Page[DecisionView]:
    """List the decisions about a model, by the promotion rule and by people, newest first."""
    return versions.decisions(project.id, model_id, limit)


@router.get(_MODEL + "/shadow", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_shadow(project: ProjectToRead, model_id: ModelId, versions: Versions, limit: Limit = 100) -> Page[ShadowView]:
    """Read how the challenger's predictions on live traffic differ from the champion's, by local day, newest first."""
    return versions.shadow(project.id, model_id, limit)


@router.post(_MODEL + "/versions/{version}/promote", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def promote_version(
    project: ProjectToChange,
    model_id: ModelId,
    version: Version,
    body: DecisionRequest,
    versions: Versions,
    actor: ActorDep,
) -> VersionView:
    """Make a version the champion regardless of the promotion rule; servers use it within seconds."""
    return versions.promote(project.id, model_id, version, body.reason, actor)


@router.post(_MODEL + "/versions/{version}/reject", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def reject_version(
    project: ProjectToChange,
    model_id: ModelId,
    version: Version,
    body: DecisionRequest,
    versions: Versions,
    actor: ActorDep,
) -> VersionView:
    """Reject a version: it loses the alias `challenger`, and will not be promoted."""
    return versions.reject(project.id, model_id, version, body.reason, actor)


@router.post(_MODEL + "/rollback", responses=NOT_FOUND | CONFLICT, openapi_extra=ADMIN)
def roll_back(
    project: ProjectToChange,
    model_id: ModelId,
    body: DecisionRequest,
    versions: Versions,
    actor: ActorDep,
) -> VersionView:
    """Roll back to the previous champion."""
    return versions.roll_back(project.id, model_id, body.reason, actor)
