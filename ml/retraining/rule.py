"""The retrain rule: whether a model wants retraining, every reason with its numbers, and what speaks against it.

Weighing evidence belongs here; collecting it, raising flags and training do not.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from guard_core.names import name_of
from guard_core.project_settings.retrain import RetrainSettings

_LESS_IS_BETTER = frozenset({"mae"})


@dataclass(frozen=True)
class DayEvidence:
    """What is known of one day.

    Attributes
    ----------
    states : drift state by lake column (`feature_<name>`, `y_pred`, `y_proba`), of those that were judged.
    realised, estimated : metrics by name, each with `value`, `low` and `high`; None where there are none.
    """

    day: str
    states: Mapping[str, str] = field(default_factory=dict)
    realised: Mapping[str, Mapping[str, Any]] | None = None
    estimated: Mapping[str, Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class ModelState:
    """What is known of the model, whatever the day.

    Attributes
    ----------
    metric : that decides (`ml.retraining.promotion.PRIMARY`). reference : its value in the baseline, None where there is none.
    importance : weight by lake column; columns without one weigh nothing, all weigh the same where it is empty.
    age_days : since the newest row that the champion was trained on; None without a champion of ours.
    days_since_flag : since the last flag's day; None where there was none.
    labelled_rows : that could be trained on.
    """

    metric: str | None
    reference: float | None
    importance: Mapping[str, float]
    age_days: int | None
    days_since_flag: int | None
    labelled_rows: int


@dataclass(frozen=True)
class Recommendation:
    """Whether to retrain; `reasons` for it and `against` it, each a `rule` with its numbers."""

    recommended: bool
    reasons: Sequence[Mapping[str, Any]]
    against: Sequence[Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """The recommendation as plain data."""
        return {
            "recommended": self.recommended,
            "reasons": [dict(reason) for reason in self.reasons],
            "against": [dict(reason) for reason in self.against],
        }


Found = Mapping[str, Any] | None


def recommend(days: Sequence[DayEvidence], model: ModelState, settings: RetrainSettings) -> Recommendation:
    """Weigh the newest days, oldest first, of which the last is the day that is decided on.

    Examples
    --------
    >>> model = ModelState("roc_auc", 0.80, {}, age_days=100, days_since_flag=None, labelled_rows=9_000)
    >>> found = recommend([DayEvidence("2013-05-01")], model, RetrainSettings())
    >>> found.recommended, [reason["rule"] for reason in found.reasons]
    (True, ['age'])
    """
    recent = days[-settings.of_days :]
    rules: Mapping[str, Callable[[DayEvidence], Found]] = {
        "drifted_features": lambda day: _drifted_features(day, model, settings),
        "prediction_drift": lambda day: _prediction_drift(day, settings),
        "performance": lambda day: performance_drop(day, model, settings),
    }
    reasons = [reason for name, rule in rules.items() if (reason := _on_days(name, rule, recent, settings))]
    if model.age_days is not None and model.age_days > settings.max_age_days:
        reasons.append({"rule": "age", "age_days": model.age_days, "max_age_days": settings.max_age_days})
    against = _against(model, settings)
    return Recommendation(bool(reasons) and not against, reasons, against)


def _on_days(
    name: str, rule: Callable[[DayEvidence], Found], recent: Sequence[DayEvidence], settings: RetrainSettings
) -> Found:
    """The rule with the numbers of its newest day, if it holds on enough days."""
    holds = [(day.day, found) for day in recent if (found := rule(day)) is not None]
    if len(holds) < settings.days:
        return None
    return {"rule": name, **holds[-1][1], "days": [day for day, _ in holds]}


def _drifted_features(day: DayEvidence, model: ModelState, settings: RetrainSettings) -> Found:
    features = [name for name in day.states if name.startswith("feature_")]
    weight = {name: model.importance.get(name, 0.0) if model.importance else 1.0 for name in features}
    whole = sum(weight.values())
    drifted = _in_drift(day, features)
    share = sum(weight[name] for name in drifted) / whole if whole > 0 else 0.0
    if share < settings.min_drifted_share:
        return None
    return {"share": share, "min_drifted_share": settings.min_drifted_share, "features": drifted}


def _prediction_drift(day: DayEvidence, settings: RetrainSettings) -> Found:
    drifted = _in_drift(day, ("y_pred", "y_proba"))
    return {"columns": drifted} if settings.prediction_drift and drifted else None


def _in_drift(day: DayEvidence, columns: Collection[str]) -> list[str]:
    return [name for name in columns if day.states.get(name) == "drift"]


def performance_drop(day: DayEvidence, model: ModelState, settings: RetrainSettings) -> Found:
    """Labels decide where there are any; else the estimate."""
    if model.metric is None or model.reference is None:
        return None
    for kind, metrics in (("realised", day.realised), ("estimated", day.estimated)):
        found = (metrics or {}).get(model.metric, {})
        if found.get("value") is None:
            continue
        sign = -1.0 if model.metric in _LESS_IS_BETTER else 1.0
        allowed = settings.max_error_growth * model.reference if sign < 0 else settings.max_drop
        drop = sign * (model.reference - found["value"])
        nearest = found.get("high" if sign > 0 else "low")
        surely = nearest is not None and sign * (model.reference - nearest) > 0
        if not (drop > allowed and surely):
            return None
        numbers = {name: found[name] for name in ("value", "low", "high", "n") if name in found}
        metric = {"metric": model.metric, "metric_name": name_of(model.metric)}
        return {**metric, "kind": kind, **numbers, "baseline": model.reference, "max_drop": allowed}
    return None


def _against(model: ModelState, settings: RetrainSettings) -> list[dict[str, Any]]:
    against: list[dict[str, Any]] = []
    if not settings.enabled:
        against.append({"rule": "enabled", "enabled": False})
    if model.days_since_flag is not None and model.days_since_flag < settings.cooldown_days:
        numbers = {"days_since_flag": model.days_since_flag, "cooldown_days": settings.cooldown_days}
        against.append({"rule": "cooldown", **numbers})
    if model.labelled_rows < settings.min_labelled_rows:
        numbers = {"labelled_rows": model.labelled_rows, "min_labelled_rows": settings.min_labelled_rows}
        against.append({"rule": "labelled_rows", **numbers})
    return against
