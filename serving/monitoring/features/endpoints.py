"""The route of one column of a day's drift report, for analysts."""

from typing import Annotated

from fastapi import Depends, Path, Query

from serving.http.dependencies import part
from serving.http.routing import ANALYST, NOT_FOUND, KnownModelId, ProjectToRead, keyed_router
from serving.monitoring.features.schemas import FeatureView
from serving.monitoring.features.service import FeatureService, history_days
from serving.monitoring.results.days import DayInPath

router = keyed_router("results")
FeaturesDep = Annotated[FeatureService, Depends(part(FeatureService))]
FeatureName = Annotated[
    str,
    Path(min_length=1, max_length=128, description="Name of a feature, or `y_pred`, `y_proba` or `latency_ms`."),
]
_Bound = Annotated[str | None, Query(description="Bound of the history, inclusive, `YYYY-MM-DD`.")]


def _history_bounds(start: _Bound = None, end: _Bound = None) -> tuple[str | None, str | None]:
    return start, end


HistoryBounds = Annotated[tuple[str | None, str | None], Depends(_history_bounds)]


@router.get(
    "/projects/{project_id}/models/{model_id}/drift/{day}/features/{feature:path}",
    responses=NOT_FOUND,
    openapi_extra=ANALYST,
)
def read_feature(
    project: ProjectToRead,
    model_id: KnownModelId,
    day: DayInPath,
    feature: FeatureName,
    features: FeaturesDep,
    bounds: HistoryBounds,
) -> FeatureView:
    """Read one column of a day: its verdict, the distributions of baseline and window, and its verdicts over time.

    The history is that of the 150 days up to the day and of the 30 days after it, unless `start` or `end` are given.
    """
    return features.read(project, model_id, day, feature, history_days(day, *bounds))
