"""The route of a model's monthly report, for analysts."""

from typing import Annotated

from fastapi import Depends

from serving.http.dependencies import part
from serving.http.routing import ANALYST, NOT_FOUND, KnownModelId, ProjectToRead, keyed_router
from serving.reports.months import QueriedMonth
from serving.reports.schemas import ModelReport
from serving.reports.service import ReportService

router = keyed_router("results")
ReportDep = Annotated[ReportService, Depends(part(ReportService))]


@router.get("/projects/{project_id}/models/{model_id}/report", responses=NOT_FOUND, openapi_extra=ANALYST)
def read_report(
    project: ProjectToRead, model_id: KnownModelId, reports: ReportDep, month: QueriedMonth = None
) -> ModelReport:
    """Read a month of a model: volume, performance, drift, incidents, versions, costs, and what was left undone."""
    return reports.read(project, model_id, month)
