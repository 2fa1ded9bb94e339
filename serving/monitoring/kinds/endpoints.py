"""Kind routes for analysts; after a change, all days of the model are processed again."""

from typing import Annotated

from fastapi import Depends, Path

from guard_core.columns import PREDICTION, feature_column
from serving.http.dependencies import RequestId, part
from serving.http.paging import Cursor, Limit, Page
from serving.http.routing import ANALYST, NOT_FOUND, KnownModelId, ModelId, ProjectToRead, keyed_router
from serving.monitoring.kinds.schemas import FeatureKind, KindView, PredictionKind
from serving.monitoring.kinds.service import KindService

router = keyed_router("kinds")
Kinds = Annotated[KindService, Depends(part(KindService))]
_MODEL = "/projects/{project_id}/models/{model_id}"
FeatureName = Annotated[str, Path(min_length=1, max_length=128, description="Name of a feature, as in the events.")]


@router.get(_MODEL + "/kinds", responses=NOT_FOUND, openapi_extra=ANALYST)
def list_kinds(
    project: ProjectToRead, model_id: KnownModelId, kinds: Kinds, cursor: Cursor = None, limit: Limit = 1000
) -> Page[KindView]:
    """List the kinds of the model's features and of its predictions."""
    return kinds.page(project.id, model_id, cursor, limit)


@router.put(_MODEL + "/kinds/{feature:path}", responses=NOT_FOUND, openapi_extra=ANALYST)
def set_feature_kind(
    project: ProjectToRead,
    model_id: ModelId,
    feature: FeatureName,
    body: FeatureKind,
    kinds: Kinds,
    request_id: RequestId,
) -> KindView:
    """Set the kind of a feature, in place of the learned one."""
    return kinds.override(project.id, model_id, feature_column(feature), body.kind, request_id)


@router.put(_MODEL + "/prediction-kind", responses=NOT_FOUND, openapi_extra=ANALYST)
def set_prediction_kind(
    project: ProjectToRead, model_id: ModelId, body: PredictionKind, kinds: Kinds, request_id: RequestId
) -> KindView:
    """Set the kind of the model's predictions: class labels or numbers."""
    return kinds.override(project.id, model_id, PREDICTION, body.kind, request_id)


@router.delete(_MODEL + "/kinds/{feature:path}", status_code=204, responses=NOT_FOUND, openapi_extra=ANALYST)
def forget_feature_kind(
    project: ProjectToRead, model_id: ModelId, feature: FeatureName, kinds: Kinds, request_id: RequestId
) -> None:
    """Forget the kind of a feature, learned or set; it is learned again from the stored events."""
    kinds.forget(project.id, model_id, feature_column(feature), request_id)


@router.delete(_MODEL + "/prediction-kind", status_code=204, responses=NOT_FOUND, openapi_extra=ANALYST)
def forget_prediction_kind(project: ProjectToRead, model_id: ModelId, kinds: Kinds, request_id: RequestId) -> None:
    """Forget the kind of the model's predictions, and with it that of their labels; it is learned again."""
    kinds.forget(project.id, model_id, PREDICTION, request_id)
