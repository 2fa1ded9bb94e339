"""Requests and responses about versions, decisions and shadow comparisons."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from guard_core.days import from_microseconds
from guard_store.retraining.decisions import Decision
from guard_store.retraining.probations import Probation, is_promotion_by_rule
from guard_store.retraining.registry import ModelVersion
from guard_store.retraining.shadow import ShadowTally
from guard_store.retraining.training_runs import TrainingRun


class DecisionRequest(BaseModel):
    """The reason for a decision by a person."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=1000, description="The reason; it is recorded.")


class ProbationView(BaseModel):
    """How far the probation of a version that the rule has promoted is."""

    state: Literal["watching", "worse", "rolled_back", "passed", "ended"] = Field(
        description="`worse` until the rollback is done; `ended` by another decision, or because there is nothing to compare."
    )
    against: str = Field(description="The old champion, to which the rule rolls back.")
    days: int = Field(description="Labelled days that were compared.")
    of_days: int = Field(description="Labelled days after which it has passed.")
    rows: int
    last_day: str | None
    metric: str | None
    gain: dict[str, Any] | None = Field(
        description="Of this version over the old champion: `value`, and the interval `low` to `high` at `confidence`."
    )
    reason: str | None

    @classmethod
    def of(cls, probation: Probation, *, is_over: bool) -> "ProbationView":
        """Convert a stored probation, which a later decision may have ended."""
        values = asdict(probation)
        if is_over and probation.state in ("watching", "worse"):
            values |= {"state": "ended", "reason": "another decision was made meanwhile"}
        return cls(**values)


class VersionView(BaseModel):
    """A registered version."""

    version: str
    aliases: list[str]
    created_at: datetime
    mlflow_run_id: str | None
    dagster_run_id: str | None = Field(description="Dagster run that trained it.")
    flag_id: str | None = Field(description="The flag that it was trained for; null if ML Guard did not train it.")
    promoted: bool | None = Field(description="Whether the promotion rule promoted it; null if it was not evaluated.")
    reasons: list[str] = Field(description="Reasons of the promotion rule, with their numbers.")
    metrics: dict[str, Any] | None = Field(description="Each metric on the held-out days, with its 95 % interval.")
    data: dict[str, Any] | None = Field(description="Training data: version of the lake, days, rows.")
    probation: ProbationView | None = Field(description="Null if the rule did not promote it in place of another.")

    @classmethod
    def of(cls, version: ModelVersion, run: TrainingRun | None, made_champion: Decision | None) -> "VersionView":
        """Combine a version with its training run and the decision that made the model's present champion."""
        evaluation = run.evaluation if run is not None else None
        probation = Probation.of(evaluation)
        is_over = made_champion is None or not is_promotion_by_rule(made_champion, version.version)
        return cls(
            version=version.version,
            aliases=list(version.aliases),
            created_at=from_microseconds(version.created_us),
            mlflow_run_id=version.run_id,
            dagster_run_id=None if run is None else run.dagster_run_id,
            flag_id=None if run is None else run.flag_id,
            promoted=None if evaluation is None else evaluation["promote"],
            reasons=[] if evaluation is None else list(evaluation["reasons"]),
            metrics=None if evaluation is None else evaluation["candidate"]["metrics"],
            data=None if run is None else dict(run.data),
            probation=None if probation is None else ProbationView.of(probation, is_over=is_over),
        )


class VersionDetail(VersionView):
    """A version with its cards, its evaluation and the decisions about it."""

    evaluation: dict[str, Any] | None
    decisions: list["DecisionView"]
    model_card: str | None = Field(description="Markdown.")
    data_card: str | None = Field(description="Markdown.")


class Curve(BaseModel):
    """Points of a curve, in ascending order."""

    x: list[float]
    y: list[float]
    low: list[float] | None = Field(None, description="10 % quantile of the labels of each point.")
    high: list[float] | None = Field(None, description="90 % quantile.")
    rows: list[int] | None = Field(None, description="Rows behind each point.")


class Residuals(BaseModel):
    """Histogram of label minus prediction."""

    edges: list[float] = Field(description="One more than there are bins.")
    rows: list[int]


class ModelCurves(BaseModel):
    """The curves of one model on the held-out window; null if its task has no such curve."""

    roc: Curve | None = Field(None, description="True positive rate by false positive rate.")
    precision_recall: Curve | None = Field(None, description="Precision by recall.")
    calibration: Curve | None = Field(None, description="Observed share by mean probability, in ten bins.")
    actual: Curve | None = Field(None, description="Median label by mean predicted number, in groups of equal size.")
    residuals: Residuals | None = None


class Curves(BaseModel):
    """The curves of a version and of the model that it was compared with, on the same held-out days."""

    state: Literal["ok", "no_curves"] = Field(
        description="`no_curves` if the version was trained before curves were kept, or elsewhere."
    )
    task: str | None = None
    models: dict[str, ModelCurves] = Field(
        default_factory=dict, description="`candidate` is this version; the other is `champion` or `trivial baseline`."
    )


class DecisionView(BaseModel):
    """A decision about a version."""

    project_id: str
    model_id: str
    action: str
    decided_by: Literal["rule", "person"] = Field(description="The rule, or a person with the key.")
    version: str | None
    champion_before: str | None
    reason: str
    details: dict[str, Any]
    key_id: str | None
    role: str | None
    request_id: str | None
    decided_at: datetime

    @classmethod
    def of(cls, decision: Decision) -> "DecisionView":
        """Convert a stored decision."""
        return cls(
            project_id=decision.project_id,
            model_id=decision.model_id,
            action=decision.action,
            decided_by=decision.decided_by,
            version=decision.version,
            champion_before=decision.champion_before,
            reason=decision.reason,
            details=dict(decision.details),
            key_id=decision.key_id,
            role=decision.role,
            request_id=decision.request_id,
            decided_at=from_microseconds(decision.decided_us),
        )


class Comparison(BaseModel):
    """Two versions side by side, each on its own held-out days."""

    a: VersionView
    b: VersionView
    same_days: bool = Field(
        description="Whether both were measured on the same days; otherwise differences are misleading."
    )
    metrics: dict[str, dict[str, float | None]] = Field(description="By metric: `a`, `b` and `difference` (b - a).")


class ShadowView(BaseModel):
    """A challenger's predictions for the traffic of a local day, compared with the champion's."""

    day: str
    champion: str
    challenger: str
    rows: int
    differing: int = Field(description="Rows with a different prediction.")
    failed: int = Field(description="Rows that the challenger cannot read.")
    mean_difference: float | None = Field(description="Mean absolute difference of probabilities, or of numbers.")

    @classmethod
    def of(cls, tally: ShadowTally) -> "ShadowView":
        """Convert stored sums."""
        compared = tally.rows - tally.failed
        return cls(
            day=tally.day,
            champion=tally.champion,
            challenger=tally.challenger,
            rows=tally.rows,
            differing=tally.differing,
            failed=tally.failed,
            mean_difference=tally.difference / compared if compared else None,
        )
