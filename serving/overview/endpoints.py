"""The route of the overview, for analysts."""

from typing import Annotated

from fastapi import Depends, Query

from serving.auth.security import Caller
from serving.http.dependencies import part
from serving.http.routing import ANALYST, keyed_router
from serving.overview.schemas import Overview
from serving.overview.service import OverviewService

router = keyed_router("results")
OverviewDep = Annotated[OverviewService, Depends(part(OverviewService))]
DAYS = 60


@router.get("/overview", openapi_extra=ANALYST)
def read_overview(
    caller: Caller,
    overview: OverviewDep,
    days: Annotated[int, Query(ge=1, le=366, description="Newest days of each model.")] = DAYS,
) -> Overview:
    """Read all models at a glance: volume, verdicts, performance, champion and open alerts of each."""
    return overview.read(caller.project_id, days)
