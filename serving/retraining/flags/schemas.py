"""Requests and answers about retraining."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from guard_core.days import from_microseconds
from guard_store.retraining.evaluations import Evaluation
from guard_store.retraining.flag import Flag


class ForceRequest(BaseModel):
    """A training that is wanted whatever the rule says."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=1000, description="Why; it goes on record.")
    as_of: datetime | None = Field(
        None, description="Instant (with an offset) after which nothing may be known to the training; now by default."
    )


class AcknowledgeRequest(BaseModel):
    """A person has seen a flag."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=1000, description="Why; it goes on record.")
    dismiss: bool = Field(default=False, description="Whether nothing is to be trained for it.")


class FlagView(BaseModel):
    """A model that is, or was, to be trained."""

    id: str
    project_id: str
    model_id: str
    day: str
    as_of: datetime = Field(description="Nothing that was not known then goes into the training.")
    state: str = Field(description="`open`, `training`, `done`, `failed` (given up) or `dismissed`.")
    forced: bool
    reasons: list[dict[str, Any]] = Field(description="Each `rule` with its numbers.")
    attempts: int = Field(description="Trainings that have failed.")
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
        """The view of a stored flag."""
        seen = flag.acknowledged_us
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
            acknowledged_at=None if seen is None else from_microseconds(seen),
            acknowledged_by=flag.acknowledged_by,
            acknowledged_reason=flag.acknowledged_reason,
            request_id=flag.request_id,
        )


class EvaluationView(BaseModel):
    """What the retrain rule has said of a day."""

    day: str
    recommended: bool
    reasons: list[dict[str, Any]] = Field(description="Each `rule` that holds, with its numbers.")
    against: list[dict[str, Any]] = Field(description="What holds it back, with its numbers.")
    flag_id: str | None = Field(description="The flag that the day has raised.")
    run_id: str | None = Field(description="Dagster run that computed it.")
    computed_at: datetime

    @classmethod
    def of(cls, evaluation: Evaluation) -> "EvaluationView":
        """The view of a stored evaluation."""
        return cls(
            day=evaluation.day,
            recommended=evaluation.recommended,
            reasons=list(evaluation.result["reasons"]),
            against=list(evaluation.result["against"]),
            flag_id=evaluation.flag_id,
            run_id=evaluation.run_id,
            computed_at=from_microseconds(evaluation.computed_us),
        )
