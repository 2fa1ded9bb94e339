"""The route of the preview, for analysts."""

from typing import Annotated

from fastapi import Depends, Query

from guard_core.project_settings.drift_methods import Method
from serving.http.dependencies import part
from serving.http.routing import ANALYST, NOT_FOUND, KnownModelId, ProjectToRead, keyed_router
from serving.monitoring.preview.schemas import ThresholdPreview
from serving.monitoring.preview.service import PreviewService

router = keyed_router("results")
PreviewDep = Annotated[PreviewService, Depends(part(PreviewService))]
DAYS = 30


@router.get("/projects/{project_id}/models/{model_id}/drift/preview", responses=NOT_FOUND, openapi_extra=ANALYST)
def preview_threshold(
    project: ProjectToRead,
    model_id: KnownModelId,
    previews: PreviewDep,
    threshold: Annotated[float, Query(gt=0, allow_inf_nan=False, description="Drift threshold to try.")],
    method: Annotated[
        Method | None, Query(description="Method that it is for; by default, that of numeric columns.")
    ] = None,
    days: Annotated[int, Query(ge=1, le=92, description="Newest days with a drift report.")] = DAYS,
) -> ThresholdPreview:
    """Preview a drift threshold: which of the newest days would have drifted with it, from stored effects."""
    return previews.preview(project, model_id, threshold, method, days)
