"""Requests and answers about baselines."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from guard_core.columns import feature_name
from guard_core.days import from_microseconds
from guard_store.monitoring.baselines import Baseline


class BaselineRequest(BaseModel):
    """A reference window to be captured."""

    model_config = ConfigDict(extra="forbid")

    project_id: str
    model_id: str
    start: str = Field(description="First local day, `YYYY-MM-DD`.")
    end: str = Field(description="Last local day, itself included.")


class BaselineView(BaseModel):
    """A captured reference window; it never changes, only which version is active does."""

    id: str
    project_id: str
    model_id: str
    version: int
    start: str
    end: str
    rows: int
    sha256: str = Field(description="Digest of the merged profile's content.")
    design_effects: dict[str, float] = Field(
        description="By column, how much more the window's days differ from each other than independent rows would;"
        " 1 where it is not named."
    )
    active: bool
    from_day: str | None = Field(description="First day that is judged by it; null: all days are.")
    created_at: datetime
    created_by: str | None = Field(description="Id of the key that captured it.")
    request_id: str | None

    @classmethod
    def of(cls, baseline: Baseline) -> "BaselineView":
        """The view of a stored baseline."""
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
            active=baseline.active,
            from_day=baseline.from_day,
            created_at=from_microseconds(baseline.created_us),
            created_by=baseline.created_by,
            request_id=baseline.request_id,
        )
