"""What lineage answers: each part with the ids of what it came from; null where an id leads no further."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class PredictionPart(BaseModel):
    """The prediction that was asked about."""

    event_id: str
    request_id: str | None
    timestamp: datetime
    prediction: Any
    probability: float | None


class VersionPart(BaseModel):
    """The version that made it."""

    version: str
    aliases: list[str] = Field(description="That it has now.")


class RunPart(BaseModel):
    """The training that made the version."""

    mlflow_run_id: str | None
    dagster_run_id: str | None
    state: str
    data: dict[str, Any] = Field(description="Version of the lake, days, rows, digest.")


class FlagPart(BaseModel):
    """The flag that asked for the training."""

    id: str
    day: str
    forced: bool
    reasons: list[dict[str, Any]]


class DriftPart(BaseModel):
    """The drift report of the flag's day."""

    day: str
    state: str
    drifted: list[str]
    baseline_id: str | None


class BaselinePart(BaseModel):
    """The baseline that the report compared with."""

    id: str
    version: int
    start: str
    end: str


class Lineage(BaseModel):
    """The whole way back."""

    project_id: str
    model_id: str
    prediction: PredictionPart | None
    model_version: VersionPart | None
    training_run: RunPart | None
    flag: FlagPart | None
    drift_report: DriftPart | None
    baseline: BaselinePart | None
