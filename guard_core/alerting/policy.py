"""Alert policies: when a project is notified, how severely, on which routes. Schema, defaults and validation; no I/O.

Whether a condition holds on a day is computed in `ml.alerting`; how alerts change is `alert_state`.
"""

from collections.abc import Sequence
from datetime import datetime, time
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from guard_core.days import microseconds

DayKind = Literal["drift", "performance", "latency", "volume", "error_rate", "data_quality"]
EventKind = Literal[
    "cost",
    "budget",
    "budget_refused",
    "retrain_recommended",
    "retrain_started",
    "retrain_promoted",
    "retrain_rejected",
    "retrain_rolled_back",
    "retrain_failed",
    "pipeline_failure",
    "missing_data",
]
Kind = DayKind | EventKind
Severity = Literal["info", "warning", "error", "critical"]

DAY_KINDS: Final[tuple[str, ...]] = get_args(DayKind)
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_MAX_DAYS = 31

# The default threshold of each kind, with its unit. None: no threshold is needed, or (latency) one is required.
THRESHOLDS: Final[dict[str, float | None]] = {
    "drift": 0.0,  # share of the columns in drift, exclusive
    "performance": 0.02,  # drop below the baseline; for error metrics, relative increase
    "latency": None,  # 95th percentile in ms: required
    "volume": None,  # relative deviation from the usual volume; None: anomaly for that weekday
    "error_rate": 0.01,  # share of the day's rows that were rejected
    "data_quality": None,  # share of nulls in any feature; None: anomaly for that feature
    "cost": None,  # cost of a day in the currency of the bill; None: anomaly for that weekday
    "missing_data": 48.0,  # hours without an event
}


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class QuietHours(BaseModel):
    """Hours of the project's local day during which messages are held back; past midnight if `end` is before `start`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: time = Field(description="Local time, `22:00`.")
    end: time = Field(description="Local time, `07:00`.")
    wake_for_critical: bool = Field(default=True, description="Whether critical alerts are sent at once.")

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end must differ")
        if self.start.tzinfo is not None or self.end.tzinfo is not None:
            raise ValueError("start and end are local times, without an offset")
        return self


class Rule(BaseModel):
    """The content of an alert policy, without its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: Annotated[
        tuple[Kind, ...], BeforeValidator(_as_list), Field(min_length=1, description="Kinds of facts that it covers.")
    ]
    model: str = Field(
        "*", min_length=1, max_length=128, description="Id of the models that it covers; `*` and `?` are wildcards."
    )
    threshold: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="Limit of the value; its unit depends on `when`."
    )
    days: int = Field(1, ge=1, le=_MAX_DAYS, description="Days on which the condition must hold.")
    of_days: int = Field(1, ge=1, le=_MAX_DAYS, description="Newest evaluable days among which `days` are counted.")
    severity: Severity = "warning"
    routes: tuple[str, ...] | None = Field(None, description="Names of `ML_GUARD_ALERT_ROUTES`; null: all of them.")
    quiet_hours: QuietHours | None = None
    muted_until: datetime | None = Field(None, description="Instant with an offset; no messages before it.")
    enabled: bool = True

    @field_validator("muted_until")
    @classmethod
    def _is_an_instant(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("needs an offset from UTC, such as 2026-01-01T08:00:00Z")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.days > self.of_days:
            raise ValueError(f"days: {self.days} of {self.of_days} days is impossible; lower days or raise of_days")
        if self.threshold is not None and (len(self.when) > 1 or self.when[0] not in THRESHOLDS):
            raise ValueError(f"threshold: only if `when` is one of {', '.join(THRESHOLDS)}")
        if "latency" in self.when and self.threshold is None:
            raise ValueError("threshold: required for latency, the 95th percentile in milliseconds")
        if self.of_days > 1 and not all(kind in DAY_KINDS for kind in self.when):
            raise ValueError(f"of_days: only if `when` is one of {', '.join(DAY_KINDS)}")
        return self

    def limit(self, kind: str) -> float | None:
        """Return the threshold of a kind: the rule's, or the default."""
        return THRESHOLDS.get(kind) if self.threshold is None else self.threshold

    def covers(self, kind: str, model_id: str) -> bool:
        """Whether the rule covers a fact of this kind; facts without a model are covered whatever `model` is."""
        return self.enabled and kind in self.when and (not model_id or fnmatchcase(model_id, self.model))

    def is_muted(self, at_us: int) -> bool:
        """Whether the rule sends no messages at an instant."""
        return self.muted_until is not None and at_us < microseconds(self.muted_until)


class Policy(Rule):
    """A rule with its name."""

    name: str = Field(pattern=NAME_PATTERN)

    @property
    def rule(self) -> dict[str, Any]:
        """The rule as it is stored."""
        return self.model_dump(mode="json", exclude={"name"})


# Policies of every project, unless it defines one with the same name.
DEFAULTS: Final[tuple[Policy, ...]] = (
    Policy(name="drift", when=("drift",), severity="warning", days=2, of_days=3),
    Policy(name="performance", when=("performance",), severity="error", days=2, of_days=3),
    Policy(
        name="retraining",
        when=("retrain_recommended", "retrain_started", "retrain_promoted", "retrain_rejected", "retrain_rolled_back"),
        severity="info",
    ),
    Policy(name="retraining-failed", when=("retrain_failed",), severity="error"),
    Policy(name="pipeline", when=("pipeline_failure",), severity="error"),
    Policy(name="missing-data", when=("missing_data",), severity="error"),
    Policy(name="cost", when=("cost",), severity="warning"),
    Policy(name="budget", when=("budget",), severity="warning"),
    Policy(name="budget-refused", when=("budget_refused",), severity="error"),
)


def in_force(project_policies: Sequence[Policy]) -> list[Policy]:
    """Return the policies that apply to a project, by name: those it defines, and the defaults it does not override."""
    by_name = {policy.name: policy for policy in (*DEFAULTS, *project_policies)}
    return [by_name[name] for name in sorted(by_name)]


def worst(severities: Sequence[Severity]) -> Severity:
    """Return the most severe of some severities.

    >>> worst(["info", "error", "warning"])
    'error'
    """
    return max(severities, key=SEVERITIES.index)
