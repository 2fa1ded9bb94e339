"""Responses of the lineage route: each part has the ids of its origin; null if the trail ends before it."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class PredictionPart(BaseModel):
    """The event that was traced."""

    event_id: str
    request_id: str | None
    timestamp: datetime
    input: dict[str, Any] = Field(description="Values of the features.")
    prediction: Any
    probability: float | None


class LabelPart(BaseModel):
    """The label of the prediction that counts: the one observed last."""

    y_true: Any
    observed_at: datetime
    received_at: datetime


class CheckpointPart(BaseModel):
    """A signed state of the chain of the ledger."""

    seq: int
    hash: str
    kind: str
    made_at: datetime
    public_key: str
    signature: str
    is_signed: bool = Field(description="Whether the signature matches the public key.")


class LedgerPart(BaseModel):
    """The row of the audit ledger of the request that sent or made the prediction."""

    seq: int
    at: datetime
    hash: str
    checkpoint: CheckpointPart | None = Field(
        description="The first signed checkpoint that covers the row; null before it is signed."
    )


class DayPart(BaseModel):
    """The local day of the prediction."""

    day: str
    drift_state: str | None = Field(description="Verdict on the day as a whole; null without a report.")
    drifted: list[str]


class VersionPart(BaseModel):
    """The version that made the prediction."""

    version: str
    aliases: list[str] = Field(description="Present aliases of the version.")


class RunPart(BaseModel):
    """The training that produced the version."""

    mlflow_run_id: str | None
    dagster_run_id: str | None
    state: str
    data: dict[str, Any] = Field(description="Version of the lake, days, rows, digest.")


class FlagPart(BaseModel):
    """The flag that caused the training."""

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
    """The baseline of the drift report."""

    id: str
    version: int
    start: str
    end: str


class Lineage(BaseModel):
    """All parts, from the prediction, with its label and its row of the ledger, back to the baseline."""

    project_id: str
    model_id: str
    prediction: PredictionPart | None
    day: DayPart | None = Field(description="The day of the prediction, and what drifted on it.")
    label: LabelPart | None
    ledger_row: LedgerPart | None
    model_version: VersionPart | None
    training_run: RunPart | None
    flag: FlagPart | None
    drift_report: DriftPart | None
    baseline: BaselinePart | None
