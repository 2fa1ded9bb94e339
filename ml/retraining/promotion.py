"""The promotion rule: whether a candidate becomes the champion, by the answers of both to the same labelled rows.

Comparing and deciding belong here; scoring the rows and moving aliases do not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from guard_core.names import display_name
from guard_core.project_settings.promotion import PromotionSettings
from ml.monitoring.performance.bootstrap import CONFIDENCE, Floats
from ml.monitoring.performance.labels import as_labels, as_numbers, label_key
from ml.monitoring.performance.realised import positive_among, realised
from ml.monitoring.performance.roc_auc import roc_auc
from ml.monitoring.performance.tasks import Target, Task, is_numeric

_RESAMPLES = 400
_CELLS = 2_000_000  # rows times resamples in memory at once
PRIMARY: Mapping[Task, str] = {"binary": "roc_auc", "multiclass": "accuracy", "ordinal": "mae", "regression": "mae"}
"""The deciding metric by task; of MAE less is better."""


@dataclass(frozen=True)
class Answers:
    """The answers of a model to (n,) rows: predictions as in the lake, and probabilities (None for regression)."""

    y_pred: npt.NDArray[Any]
    y_proba: Floats | None


@dataclass(frozen=True)
class PromotionDecision:
    """Whether the candidate is promoted, with the reasons and the numbers."""

    promote: bool
    reasons: Sequence[str]
    metric: str
    candidate: Mapping[str, Any]
    champion: Mapping[str, Any]
    gain: Mapping[str, float | None]
    segments: Mapping[str, Mapping[str, float | int | None]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as plain data."""
        return {
            "promote": self.promote,
            "reasons": list(self.reasons),
            "metric": self.metric,
            "candidate": dict(self.candidate),
            "champion": dict(self.champion),
            "gain": dict(self.gain),
            "segments": {name: dict(gain) for name, gain in self.segments.items()},
        }


def decide(
    target: Target,
    y_true: npt.NDArray[Any],
    candidate: Answers,
    champion: Answers,
    *,
    segments: npt.NDArray[Any] | None = None,
    settings: PromotionSettings,
    rng: np.random.Generator,
    trivial: bool = False,
) -> PromotionDecision:
    """Compare two models on the same labelled rows and decide.

    Parameters
    ----------
    target : what both models predict. y_true : (n,) labels. segments : (n,) segment of each row, None if it has none.
    candidate, champion : answers of the new model, and of the model in service or of a trivial baseline.
    trivial : whether `champion` is a trivial baseline, which is calibrated by construction and the same in all segments.
    rng : draws the resamples, which are the same for both models.
    """
    metric = PRIMARY[target.task]
    ours, theirs = (
        realised(target.task, y_true, answers.y_pred, answers.y_proba, rng=rng, positive=target.positive)
        for answers in (candidate, champion)
    )
    gain = _gain(target, y_true, candidate, champion, rng)
    by_segment = _segments(target, y_true, candidate, champion, segments, settings, rng)
    objections = [
        *_too_few(len(y_true), settings),
        *_not_better(metric, gain, settings),
        *([] if trivial else _worse_segments(metric, by_segment, settings)),
        *([] if trivial else _worse_calibrated(ours["metrics"], theirs["metrics"], settings)),
    ]
    better = "" if gain["low"] is None else f"{display_name(metric)} is better by {_with_interval(gain)}"
    return PromotionDecision(not objections, objections or [better], metric, ours, theirs, gain, by_segment)


def _gain(
    target: Target, y_true: npt.NDArray[Any], candidate: Answers, champion: Answers, rng: np.random.Generator
) -> dict[str, float | None]:
    """Return the gain of the candidate with its bootstrap interval; null if the metric does not exist."""
    n = len(y_true)

    def difference(weights: Floats) -> Floats:
        ours, theirs = (measure(target, y_true, answers, weights) for answers in (candidate, champion))
        return theirs - ours if PRIMARY[target.task] == "mae" else ours - theirs

    value = difference(np.ones((1, n)))
    spread = np.empty(0)
    step = max(1, min(_RESAMPLES, _CELLS // max(n, 1)))
    while n and len(spread) < _RESAMPLES:
        weights = rng.multinomial(n, np.full(n, 1 / n), size=step).astype(np.float64)
        spread = np.concatenate([spread, difference(weights)])
    finite = spread[np.isfinite(spread)]
    if not np.isfinite(value[0]) or len(finite) < _RESAMPLES / 2:
        return {"value": None, "low": None, "high": None}
    low, high = np.quantile(finite, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return {"value": float(value[0]), "low": float(min(low, value[0])), "high": float(max(high, value[0]))}


def measure(target: Target, y_true: npt.NDArray[Any], answers: Answers, weights: Floats) -> Floats:
    """Return the deciding metric under (b, n) weights of the rows: (b,)."""
    if not len(y_true):
        return np.full(len(weights), np.nan)
    if is_numeric(target.task):
        error = np.abs(as_numbers(y_true) - as_numbers(answers.y_pred))
        return np.asarray(weights @ error / weights.sum(axis=1))
    labels = as_labels(y_true)
    if target.task == "multiclass":
        hit = (labels == as_labels(answers.y_pred)).astype(float)
        return np.asarray(weights @ hit / weights.sum(axis=1))
    positive = label_key(target.positive) or positive_among(labels)
    return roc_auc(np.asarray(labels == positive), np.asarray(answers.y_proba, dtype=float), weights)


def _segments(
    target: Target,
    y_true: npt.NDArray[Any],
    candidate: Answers,
    champion: Answers,
    segments: npt.NDArray[Any] | None,
    settings: PromotionSettings,
    rng: np.random.Generator,
) -> dict[str, dict[str, float | int | None]]:
    if segments is None:
        return {}
    gains: dict[str, dict[str, float | int | None]] = {}
    names = [name for name in segments.tolist() if name is not None]
    for name in sorted(set(names)):
        rows = np.flatnonzero(segments == name)
        if len(rows) >= settings.min_segment_rows:
            gain = _gain(target, y_true[rows], _select(candidate, rows), _select(champion, rows), rng)
            gains[str(name)] = {"n": len(rows), **gain}
    return gains


def _select(answers: Answers, rows: npt.NDArray[np.intp]) -> Answers:
    return Answers(answers.y_pred[rows], None if answers.y_proba is None else answers.y_proba[rows])


def _too_few(rows: int, settings: PromotionSettings) -> list[str]:
    if rows >= settings.min_rows:
        return []
    return [f"{rows} labelled rows in the held-out window; promotion.min_rows asks for {settings.min_rows}"]


def _not_better(metric: str, gain: Mapping[str, float | None], settings: PromotionSettings) -> list[str]:
    name, low = display_name(metric), gain["low"]
    if gain["value"] is None or low is None:
        return [f"{name} does not exist on the held-out window: it needs rows of every class"]
    if low > settings.min_gain:
        return []
    requirement = f"surely more than {settings.min_gain:g} is wanted"
    return [f"{name} is not surely better: by {_with_interval(gain)}, {requirement}"]


def _worse_segments(
    metric: str, segments: Mapping[str, Mapping[str, float | int | None]], settings: PromotionSettings
) -> list[str]:
    return [
        f"segment {name} is worse: {display_name(metric)} by {_with_interval(gain)},"
        f" at most {settings.max_segment_loss:g} is allowed"
        for name, gain in segments.items()
        if gain["value"] is not None and gain["high"] is not None
        if gain["value"] < -settings.max_segment_loss and gain["high"] < 0
    ]


def _with_interval(gain: Mapping[str, float | int | None]) -> str:
    return f"{gain['value']:.4f} (95 % interval {gain['low']:.4f} to {gain['high']:.4f})"


def _worse_calibrated(candidate: Any, champion: Any, settings: PromotionSettings) -> list[str]:
    before, after = (metrics.get("calibration_error", {}).get("value") for metrics in (champion, candidate))
    if before is None or after is None or after - before <= settings.max_calibration_loss:
        return []
    allowed = f"at most {settings.max_calibration_loss:g} more is allowed"
    return [f"calibration error is {after:.4f}, the champion's {before:.4f}; {allowed}"]
