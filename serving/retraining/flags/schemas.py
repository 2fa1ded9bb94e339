"""Requests and responses about recommendations and retrain flags."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from guard_core.days import from_microseconds
from guard_store.retraining.evaluations import Evaluation
from guard_store.retraining.flag import Flag


class ForceRequest(BaseModel):
    """A request to train regardless of the retrain rule."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=1000, description="The reason; it is recorded.")
    as_of: datetime | None = Field(
        None, description="Instant (with an offset); the training uses only what was known then. Default: now."
    )


class AcknowledgeRequest(BaseModel):
    """Acknowledgement or dismissal of a flag."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=1000, description="The reason; it is recorded.")
    dismiss: bool = Field(default=False, description="Whether to dismiss the flag: nothing is trained for it.")


class FlagView(BaseModel):
    """A retrain flag: a model that is to be trained, or was."""

    id: str
    project_id: str
    model_id: str
    day: str
    as_of: datetime = Field(description="The training uses only what was known at this instant.")
    state: str = Field(description="`open`, `training`, `done`, `failed` (given up) or `dismissed`.")
    forced: bool
    reasons: list[dict[str, Any]] = Field(description="Each `rule` that held, with its numbers.")
    attempts: int = Field(description="Failed trainings.")
    error: str | None
    dagster_run_id: str | None
    created_at: datetime
    created_by: str | None = Field(description="Id of the key that forced it.")
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_reason: str | None
    request_id: str | None

    @classmethod
    def of(cls, flag: Flag) -> "FlagView":
        """Convert a stored flag."""
        acknowledged_us = flag.acknowledged_us
        return cls(
            id=flag.id,
            project_id=flag.project_id,
            model_id=flag.model_id,
            day=flag.day,
            as_of=from_microseconds(flag.as_of_us),
            state=flag.state,
            forced=flag.forced,
            reasons=[dict(reason) for reason in flag.reasons],
            attempts=flag.attempts,
            error=flag.error,
            dagster_run_id=flag.dagster_run_id,
            created_at=from_microseconds(flag.created_us),
            created_by=flag.created_by,
            acknowledged_at=None if acknowledged_us is None else from_microseconds(acknowledged_us),
            acknowledged_by=flag.acknowledged_by,
            acknowledged_reason=flag.acknowledged_reason,
            request_id=flag.request_id,
        )


class EvaluationView(BaseModel):
    """The outcome of the retrain rule for a day."""

    day: str
    recommended: bool
    reasons: list[dict[str, Any]] = Field(description="Each `rule` that held, with its numbers.")
    against: list[dict[str, Any]] = Field(description="What prevented a recommendation, with its numbers.")
    flag_id: str | None = Field(description="The flag that this outcome raised.")
    run_id: str | None = Field(description="Dagster run that computed it.")
    computed_at: datetime

    @classmethod
    def of(cls, evaluation: Evaluation) -> "EvaluationView":
        """Convert a stored evaluation."""
        return cls(
            day=evaluation.day,
            recommended=evaluation.recommended,
            reasons=list(evaluation.result["reasons"]),
            against=list(evaluation.result["against"]),
            flag_id=evaluation.flag_id,
            run_id=evaluation.run_id,
            computed_at=from_microseconds(evaluation.computed_us),
        )
