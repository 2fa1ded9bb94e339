"""The retrain rule: whether to recommend retraining, every reason with its numbers, and the objections.

Weighing the evidence belongs here; collecting it, raising flags and training do not.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from guard_core.columns import FEATURE_PREFIX
from guard_core.names import display_name
from guard_core.project_settings.retrain import RetrainSettings
from ml.monitoring.performance.day_comparison import (
    ALPHA,
    MIN_REFERENCE_DAYS,
    DayComparison,
    DayValue,
    compare_days,
    pool_small_days,
)

LESS_IS_BETTER = frozenset({"mae"})
"""Deciding metrics that measure errors."""


@dataclass(frozen=True)
class DayEvidence:
    """Evidence of one day.

    Attributes
    ----------
    states : drift state by lake column (`feature_<name>`, `y_pred`, `y_proba`), for the columns that were judged.
    realised, estimated : metrics by name, each with `value`, `low` and `high`; None if there are none.
    """

    day: str
    states: Mapping[str, str] = field(default_factory=dict)
    realised: Mapping[str, Mapping[str, Any]] | None = None
    estimated: Mapping[str, Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class DecidingMetric:
    """The metric that decides about a model, in its baseline and on the days since.

    Attributes
    ----------
    name : of the metric (`ml.retraining.promotion.PRIMARY`).
    reference : its value on all rows of the baseline.
    baseline_days, days : its values by day in the baseline, and on the days compared with it, oldest first; by kind,
        "realised" or "estimated".
    """

    name: str
    reference: float
    baseline_days: Mapping[str, Sequence[DayValue]] = field(default_factory=dict)
    days: Mapping[str, Sequence[DayValue]] = field(default_factory=dict)

    @property
    def has_enough_days(self) -> bool:
        """Whether the baseline has enough days for comparisons of days."""
        return len(pool_small_days(self.baseline_days.get("realised", ()))) >= MIN_REFERENCE_DAYS

    def compare(self, kind: str, day: str, min_change: float) -> DayComparison | None:
        """Compare the days up to a day with those of the baseline; None where the baseline has too few."""
        days = [value for value in self.days.get(kind, ()) if value.day <= day]
        less_is_better = self.name in LESS_IS_BETTER
        baseline = self.baseline_days.get(kind, ())
        return compare_days(baseline, days, less_is_better=less_is_better, min_change=min_change)


@dataclass(frozen=True)
class ModelState:
    """The state of the model, which does not depend on the day.

    Attributes
    ----------
    metric : the metric that decides; None without a baseline that has its value.
    importance : weight by lake column. A column without a weight counts 0; if the mapping is empty, all count the same.
    age_days : days since the newest training row of the champion; None without a champion trained here.
    days_since_flag : days since the last flag; None without one.
    labelled_rows : rows that a training may use: their labels were observed before the end of the evaluated day.
    late_labels : labels of the training's window that were observed after it.
    missing_rows : rows that a training lacks beside the held-out days.
    """

    metric: DecidingMetric | None
    importance: Mapping[str, float]
    age_days: int | None
    days_since_flag: int | None
    labelled_rows: int
    late_labels: int = 0
    missing_rows: int = 0


@dataclass(frozen=True)
class Recommendation:
    """Whether to retrain, and the reasons for and against it, each a `rule` with its numbers."""

    recommended: bool
    reasons: Sequence[Mapping[str, Any]]
    against: Sequence[Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return the recommendation as plain data."""
        return {
            "recommended": self.recommended,
            "reasons": [dict(reason) for reason in self.reasons],
            "against": [dict(reason) for reason in self.against],
        }


Reason = Mapping[str, Any] | None


def recommend(days: Sequence[DayEvidence], model: ModelState, settings: RetrainSettings) -> Recommendation:
    """Decide whether to recommend retraining on the last of some days.

    Parameters
    ----------
    days : evidence of the newest days, oldest first.

    Examples
    --------
    >>> model = ModelState(DecidingMetric("roc_auc", 0.80), {}, age_days=100, days_since_flag=None, labelled_rows=9_000)
    >>> recommendation = recommend([DayEvidence("2013-05-01")], model, RetrainSettings())
    >>> recommendation.recommended, [reason["rule"] for reason in recommendation.reasons]
    (True, ['age'])
    """
    recent = days[-settings.of_days :]
    rules: Mapping[str, Callable[[DayEvidence], Reason]] = {
        "drifted_features": lambda day: _drifted_features(day, model, settings),
        "prediction_drift": lambda day: _prediction_drift(day, settings),
    }
    drifts = [_on_days(name, rule, recent, settings.days) for name, rule in rules.items()]
    reasons = [reason for reason in (*drifts, _performance(recent, model, settings)) if reason]
    if model.age_days is not None and model.age_days > settings.max_age_days:
        reasons.append({"rule": "age", "age_days": model.age_days, "max_age_days": settings.max_age_days})
    objections = _objections(model, settings)
    return Recommendation(bool(reasons) and not objections, reasons, objections)


def _on_days(name: str, rule: Callable[[DayEvidence], Reason], recent: Sequence[DayEvidence], days: int) -> Reason:
    """Return the rule with the numbers of the newest day on which it holds, if it holds on enough days."""
    matches = [(day.day, numbers) for day in recent if (numbers := rule(day)) is not None]
    if len(matches) < days:
        return None
    return {"rule": name, **matches[-1][1], "days": [day for day, _ in matches]}


def _drifted_features(day: DayEvidence, model: ModelState, settings: RetrainSettings) -> Reason:
    features = [name for name in day.states if name.startswith(FEATURE_PREFIX)]
    weight = {name: model.importance.get(name, 0.0) if model.importance else 1.0 for name in features}
    total = sum(weight.values())
    drifted = _in_drift(day, features)
    share = sum(weight[name] for name in drifted) / total if total > 0 else 0.0
    if share < settings.min_drifted_share:
        return None
    return {"share": share, "min_drifted_share": settings.min_drifted_share, "features": drifted}


def _prediction_drift(day: DayEvidence, settings: RetrainSettings) -> Reason:
    drifted = _in_drift(day, ("y_pred", "y_proba"))
    return {"columns": drifted} if settings.prediction_drift and drifted else None


def _in_drift(day: DayEvidence, columns: Collection[str]) -> list[str]:
    return [name for name in columns if day.states.get(name) == "drift"]


def _performance(recent: Sequence[DayEvidence], model: ModelState, settings: RetrainSettings) -> Reason:
    metric = model.metric
    if metric is None:
        return None

    def rule(day: DayEvidence) -> Reason:
        return performance_drop(day, metric, max_drop=settings.max_drop, max_error_growth=settings.max_error_growth)

    # A comparison of days has weighed the days before already: to wait for a second one would only delay it.
    if metric.has_enough_days:
        return _on_days("performance", rule, recent[-1:], 1)
    return _on_days("performance", rule, recent, settings.days)


def performance_drop(day: DayEvidence, metric: DecidingMetric, *, max_drop: float, max_error_growth: float) -> Reason:
    """Compare the days up to a day with the days of the baseline; realised values take precedence over estimates.

    Parameters
    ----------
    max_drop : allowed drop of a metric of which more is better, in its unit.
    max_error_growth : allowed growth of an error metric, as a share of its value in the baseline.

    Returns
    -------
    The numbers, or None unless the metric is worse by more than allowed and that is not chance: by days where the baseline
    has at least `MIN_REFERENCE_DAYS` of them (`compare_days`), else by the interval of the day's rows, with a `note` that tells why.
    `max_drop` among them is the allowed change for the worse in the metric's unit: a growth if it is an error.
    """
    allowed = max_error_growth * metric.reference if metric.name in LESS_IS_BETTER else max_drop
    for kind, metrics in (("realised", day.realised), ("estimated", day.estimated)):
        entry = (metrics or {}).get(metric.name, {})
        if entry.get("value") is None:
            continue
        comparison = metric.compare(kind, day.day, allowed)
        numbers = _drop_of_rows(entry, metric, allowed) if comparison is None else _drop_of_days(comparison, allowed)
        names = {"metric": metric.name, "metric_name": display_name(metric.name), "kind": kind}
        return None if numbers is None else {**names, **numbers, "max_drop": allowed}
    return None


def _drop_of_days(comparison: DayComparison, allowed: float) -> Reason:
    is_worse = abs(comparison.value - comparison.baseline) > allowed and comparison.p_value <= ALPHA
    return asdict(comparison) if is_worse else None


def _drop_of_rows(entry: Mapping[str, Any], metric: DecidingMetric, allowed: float) -> Reason:
    sign = -1.0 if metric.name in LESS_IS_BETTER else 1.0
    drop = sign * (metric.reference - entry["value"])
    nearest = entry.get("high" if sign > 0 else "low")
    significant = nearest is not None and sign * (metric.reference - nearest) > 0
    if not (drop > allowed and significant):
        return None
    numbers = {name: entry[name] for name in ("value", "low", "high", "n") if name in entry}
    note = f"rows of one day compared: the baseline has fewer than {MIN_REFERENCE_DAYS} days with a value"
    return {**numbers, "baseline": metric.reference, "note": note}


def _objections(model: ModelState, settings: RetrainSettings) -> list[dict[str, Any]]:
    objections: list[dict[str, Any]] = []
    if not settings.enabled:
        objections.append({"rule": "enabled", "enabled": False})
    if model.days_since_flag is not None and model.days_since_flag < settings.cooldown_days:
        numbers = {"days_since_flag": model.days_since_flag, "cooldown_days": settings.cooldown_days}
        objections.append({"rule": "cooldown", **numbers})
    if model.labelled_rows < settings.min_labelled_rows or model.missing_rows:
        numbers = {"labelled_rows": model.labelled_rows, "min_labelled_rows": settings.min_labelled_rows}
        shortage = {"late_labels": model.late_labels, "missing_rows": model.missing_rows}
        objections.append({"rule": "labelled_rows", **numbers, **shortage})
    return objections
