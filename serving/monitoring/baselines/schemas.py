"""Requests and responses about baselines."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from guard_core.columns import feature_name
from guard_core.days import from_microseconds
from guard_store.monitoring.baselines import Baseline
from ml.monitoring.baseline_trends import describe_trends


class BaselineRequest(BaseModel):
    """A range of days to capture as the reference."""

    model_config = ConfigDict(extra="forbid")

    project_id: str
    model_id: str
    start: str = Field(description="First local day, `YYYY-MM-DD`.")
    end: str = Field(description="Last local day, inclusive.")


class BaselineView(BaseModel):
    """A captured baseline; it never changes, except for which version is active."""

    id: str
    project_id: str
    model_id: str
    version: int
    start: str
    end: str
    rows: int
    sha256: str = Field(description="Digest of the merged profile's content.")
    design_effects: dict[str, float] = Field(
        description="By column, how much more the days of the window differ from each other than they would if rows were"
        " independent; 1 for columns that are not listed."
    )
    trends: dict[str, float] = Field(
        description="By column with a trend over the days of the window, its change from the first third of the days to the last,"
        " in standard deviations; later days are likely to drift."
    )
    trend: str | None = Field(description="A sentence about these columns; null without any.")
    active: bool
    from_day: str | None = Field(description="First day that is compared with it; null for all days.")
    created_at: datetime
    created_by: str | None = Field(description="Id of the key that captured it.")
    request_id: str | None

    @classmethod
    def of(cls, baseline: Baseline) -> "BaselineView":
        """Convert a stored baseline."""
        return cls(
            id=baseline.id,
            project_id=baseline.project_id,
            model_id=baseline.model_id,
            version=baseline.version,
            start=baseline.start_day,
            end=baseline.end_day,
            rows=baseline.rows,
            sha256=baseline.sha256,
            design_effects={feature_name(column): effect for column, effect in baseline.design_effects.items()},
            trends={feature_name(column): change for column, change in (baseline.trends or {}).items()},
            trend=describe_trends(baseline.trends or {}, baseline.start_day, baseline.end_day) or None,
            active=baseline.active,
            from_day=baseline.from_day,
            created_at=from_microseconds(baseline.created_us),
            created_by=baseline.created_by,
            request_id=baseline.request_id,
        )
