"""The lineage route, `GET /api/v1/lineage/{id}`, for analysts."""

from typing import Annotated

from fastapi import Depends, Path, Query

from serving.auth.security import Caller
from serving.http.dependencies import part
from serving.http.routing import ANALYST, CONFLICT, NOT_FOUND, keyed_router
from serving.retraining.lineage.schemas import Lineage
from serving.retraining.lineage.service import LineageService

router = keyed_router("lineage")
Lineages = Annotated[LineageService, Depends(part(LineageService))]


@router.get("/lineage/{trace_id:path}", responses={**NOT_FOUND, **CONFLICT}, openapi_extra=ANALYST)
def read_lineage(
    trace_id: Annotated[
        str,
        Path(
            max_length=300,
            description="An event id, the request id of a prediction, `project~model/version`, a run id of MLflow or Dagster,"
            " or a flag id.",
        ),
    ],
    lineages: Lineages,
    caller: Caller,
    project_id: Annotated[
        str | None,
        Query(description="Needed only for an event id or request id that several projects of the caller have."),
    ] = None,
) -> Lineage:
    """Trace an id: prediction, model version, training run, data version, flag, drift report, baseline."""
    return lineages.trace(caller, trace_id, project_id)
