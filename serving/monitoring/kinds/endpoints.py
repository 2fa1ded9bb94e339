"""Routes of kinds. A changed kind reads all of the model's days again."""

from typing import Annotated

from fastapi import Path

from guard_core.columns import PREDICTION, feature_column
from serving.http.dependencies import RequestId
from serving.http.paging import Cursor, Limit, Page, decode_cursor, page_of
from serving.http.routing import ANALYST, NOT_FOUND, ModelId, ProjectToRead, keyed_router
from serving.monitoring.kinds.schemas import FeatureKind, KindView, PredictionKind
from serving.services import Provided

router = keyed_router("kinds")
_MODEL = "/projects/{project_id}/models/{model_id}"
FeatureName = Annotated[str, Path(min_length=1, max_length=128, description="Name of a feature, as events say it.")]


@router.get(_MODEL + "/kinds", responses=NOT_FOUND, openapi_extra=ANALYST)
def list_kinds(
    project: ProjectToRead, model_id: ModelId, services: Provided, cursor: Cursor = None, limit: Limit = 1000
) -> Page[KindView]:
    """List the kinds of the model's features and of its prediction."""
    after = decode_cursor(cursor, str, "")
    found = [kind for kind in services.kinds.list(project.id, model_id) if kind.feature > after]
    return page_of(
        found[: limit + 1],
        limit,
        position=lambda kind: kind.feature,
        item=KindView.of,
        state=lambda: "not_processed" if services.news.list(project.id, model_id, "", "~", limit=1) else "no_events",
    )


@router.put(_MODEL + "/kinds/{feature:path}", responses=NOT_FOUND, openapi_extra=ANALYST)
def set_feature_kind(
    project: ProjectToRead,
    model_id: ModelId,
    feature: FeatureName,
    body: FeatureKind,
    services: Provided,
    request_id: RequestId,
) -> KindView:
    """Set the kind of a feature, whatever was learned."""
    column = feature_column(feature)
    return KindView.of(services.kinds.override(project.id, model_id, column, body.kind, request_id=request_id))


@router.put(_MODEL + "/prediction-kind", responses=NOT_FOUND, openapi_extra=ANALYST)
def set_prediction_kind(
    project: ProjectToRead, model_id: ModelId, body: PredictionKind, services: Provided, request_id: RequestId
) -> KindView:
    """Set the kind of the model's predictions: class labels or numbers."""
    return KindView.of(services.kinds.override(project.id, model_id, PREDICTION, body.kind, request_id=request_id))
