"""The promotion rule: whether a candidate becomes the champion, by the answers of both to the same labelled rows.

Comparing and deciding belong here; scoring the rows and moving aliases do not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from guard_core.names import display_name
from guard_core.project_settings.promotion import PromotionSettings
from ml.monitoring.performance.bootstrap import Floats
from ml.monitoring.performance.labels import as_labels, as_numbers, label_key
from ml.monitoring.performance.realised import positive_among, realised
from ml.monitoring.performance.roc_auc import placement_values, roc_auc
from ml.monitoring.performance.scores import calibration_parts
from ml.monitoring.performance.tasks import Target, Task, is_numeric
from ml.retraining.day_gains import Gain, mean_gain

LEVEL = 0.025
"""Nominal probability of a promotion of an equal candidate, over all tries on one window."""
_FIRST_TRY = 0.9  # of the level: a second try is an exception, and should cost the first one little
PRIMARY: Mapping[Task, str] = {"binary": "roc_auc", "multiclass": "accuracy", "ordinal": "mae", "regression": "mae"}
"""The deciding metric by task; of MAE less is better."""


@dataclass(frozen=True)
class Answers:
    """The answers of a model to (n,) rows: predictions as in the lake, and probabilities (None for regression)."""

    y_pred: npt.NDArray[Any]
    y_proba: Floats | None


@dataclass(frozen=True)
class PairedAnswers:
    """Answers of two models to the same labelled rows."""

    target: Target
    y_true: npt.NDArray[Any]
    candidate: Answers
    champion: Answers
    days: npt.NDArray[Any] | None

    def select(self, rows: npt.NDArray[np.intp]) -> "PairedAnswers":
        """Return the answers to some of the rows."""
        candidate, champion = (
            Answers(answers.y_pred[rows], None if answers.y_proba is None else answers.y_proba[rows])
            for answers in (self.candidate, self.champion)
        )
        days = None if self.days is None else self.days[rows]
        return PairedAnswers(self.target, self.y_true[rows], candidate, champion, days)


@dataclass(frozen=True)
class PromotionDecision:
    """Whether the candidate is promoted, with the reasons and the numbers.

    Attributes
    ----------
    gain : of the candidate in the deciding metric. segments : the same by segment.
    calibration_loss : growth of the calibration error; None where it does not exist.
    tries : candidates compared on this window, with this one.
    """

    promote: bool
    reasons: Sequence[str]
    metric: str
    candidate: Mapping[str, Any]
    champion: Mapping[str, Any]
    gain: Gain
    segments: Mapping[str, Gain] = field(default_factory=dict)
    calibration_loss: Gain | None = None
    tries: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as plain data."""
        return {
            "promote": self.promote,
            "reasons": list(self.reasons),
            "metric": self.metric,
            "candidate": dict(self.candidate),
            "champion": dict(self.champion),
            "gain": asdict(self.gain),
            "segments": {name: {"n": gain.rows, **asdict(gain)} for name, gain in self.segments.items()},
            "calibration_loss": None if self.calibration_loss is None else asdict(self.calibration_loss),
            "tries": self.tries,
        }


def decide(
    target: Target,
    y_true: npt.NDArray[Any],
    candidate: Answers,
    champion: Answers,
    *,
    segments: npt.NDArray[Any] | None = None,
    days: npt.NDArray[Any] | None = None,
    tries: int = 1,
    settings: PromotionSettings,
    rng: np.random.Generator,
    trivial: bool = False,
) -> PromotionDecision:
    """Compare two models on the same labelled rows and decide.

    Parameters
    ----------
    target : what both models predict. y_true : (n,) labels. segments : (n,) segment of each row, None if it has none.
    days : (n,) local day of each row, None if unknown: then rows are the units.
    tries : candidates compared on this window, with this one.
    candidate, champion : answers of the new model, and of the model in service or of a trivial baseline.
    trivial : whether `champion` is a trivial baseline, which is calibrated by construction and the same in all segments.
    rng : draws the resamples of the intervals of each model's metrics.
    """
    metric = PRIMARY[target.task]
    candidate_metrics, champion_metrics = (
        realised(target.task, y_true, answers.y_pred, answers.y_proba, rng=rng, positive=target.positive)
        for answers in (candidate, champion)
    )
    pair = PairedAnswers(target, y_true, candidate, champion, days)
    gain = gain_of(pair, level_of_try(tries))
    by_segment = segment_gains(pair, segments, settings)
    loss = calibration_loss_of(pair, LEVEL)
    objections = [
        *_too_few(len(y_true), settings),
        *_not_better(metric, gain, tries, settings),
        *([] if trivial else find_worse_segments(metric, by_segment, settings)),
        *([] if trivial else find_calibration_loss(loss, settings)),
    ]
    reasons = objections or [f"{display_name(metric)} is better by {gain.in_words()}, {_try_in_words(tries)}"]
    return PromotionDecision(
        not objections, reasons, metric, candidate_metrics, champion_metrics, gain, by_segment, loss, tries
    )


def level_of_try(tries: int) -> float:
    """Return the level of a try on a window; those of all tries sum up to `LEVEL`.

    Examples
    --------
    >>> [round(level_of_try(tries), 6) for tries in (1, 2, 3, 10)]
    [0.0225, 0.00125, 0.000417, 2.8e-05]
    """
    return LEVEL * (_FIRST_TRY if tries == 1 else (1 - _FIRST_TRY) / (tries * (tries - 1)))


def gain_of(pair: PairedAnswers, level: float) -> Gain:
    """Return the gain of the candidate in the deciding metric."""
    return mean_gain(row_gains(pair), pair.days, level)


def row_gains(pair: PairedAnswers) -> Floats:
    """Return the part of each row in the gain, which is their mean; NaN if the metric does not exist."""
    if pair.target.task == "binary":
        return _roc_auc_gains(pair)
    if is_numeric(pair.target.task):
        true = as_numbers(pair.y_true)
        errors = [np.abs(true - as_numbers(answers.y_pred)) for answers in (pair.candidate, pair.champion)]
        return np.asarray(errors[1] - errors[0])
    labels = as_labels(pair.y_true)
    hits = [(labels == as_labels(answers.y_pred)).astype(float) for answers in (pair.candidate, pair.champion)]
    return np.asarray(hits[0] - hits[1])


def _roc_auc_gains(pair: PairedAnswers) -> Floats:
    """Return the gain of each row, whose mean is the gain in ROC AUC and whose variance is DeLong's."""
    positive, n = _positives(pair.target, pair.y_true), len(pair.y_true)
    of_candidate, of_champion = (
        placement_values(positive, np.asarray(answers.y_proba, dtype=float))
        for answers in (pair.candidate, pair.champion)
    )
    gains = of_candidate - of_champion
    share = max(int(positive.sum()), 1) / n if n else 1.0
    if not n or not np.isfinite(gains).all():
        return np.full(n, np.nan)
    value = gains[positive].mean()
    return np.asarray(value + (gains - value) / np.where(positive, share, 1 - share))


def calibration_loss_of(pair: PairedAnswers, level: float) -> Gain | None:
    """Return by how much the candidate's calibration error is larger; None for numbers, which have no probabilities."""
    if is_numeric(pair.target.task) or not len(pair.y_true):
        return None
    parts = [_calibration_parts(pair, answers) for answers in (pair.candidate, pair.champion)]
    return mean_gain(parts[0] - parts[1], pair.days, level)


def _calibration_parts(pair: PairedAnswers, answers: Answers) -> Floats:
    binary = pair.target.task == "binary"
    hits = _positives(pair.target, pair.y_true) if binary else as_labels(pair.y_true) == as_labels(answers.y_pred)
    return calibration_parts(np.asarray(answers.y_proba, dtype=float), np.asarray(hits, dtype=bool))


def _positives(target: Target, y_true: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    labels = as_labels(y_true)
    return np.asarray(labels == (label_key(target.positive) or positive_among(labels)))


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


def segment_gains(
    pair: PairedAnswers, segments: npt.NDArray[Any] | None, settings: PromotionSettings
) -> dict[str, Gain]:
    """Compare each segment that has enough rows; all of them together have the error `LEVEL`."""
    if segments is None:
        return {}
    rows = {name: np.flatnonzero(segments == name) for name in sorted(set(segments.tolist()) - {None})}
    large = {name: places for name, places in rows.items() if len(places) >= settings.min_segment_rows}
    return {str(name): gain_of(pair.select(places), LEVEL / len(large)) for name, places in large.items()}


def _too_few(rows: int, settings: PromotionSettings) -> list[str]:
    if rows >= settings.min_rows:
        return []
    return [f"{rows} labelled rows in the held-out window; promotion.min_rows asks for {settings.min_rows}"]


def _not_better(metric: str, gain: Gain, tries: int, settings: PromotionSettings) -> list[str]:
    name = display_name(metric)
    if gain.value is None or gain.low is None:
        return [f"{name} does not exist on the held-out window: it needs rows of every class"]
    if gain.low > settings.min_gain:
        return []
    requirement = f"surely more than {settings.min_gain:g} is wanted"
    return [f"{name} is not surely better: by {gain.in_words()}, {_try_in_words(tries)}; {requirement}"]


def _try_in_words(tries: int) -> str:
    return "first try on this window" if tries == 1 else f"try {tries} on this window, each needs stronger evidence"


def find_worse_segments(metric: str, segments: Mapping[str, Gain], settings: PromotionSettings) -> list[str]:
    """Return an objection for each segment that is worse by more than allowed, and not by chance."""
    return [
        f"segment {name} is worse: {display_name(metric)} by {gain.in_words()},"
        f" at most {settings.max_segment_loss:g} is allowed"
        for name, gain in segments.items()
        if gain.value is not None and gain.high is not None
        if gain.value < -settings.max_segment_loss and gain.high < 0
    ]


def find_calibration_loss(loss: Gain | None, settings: PromotionSettings) -> list[str]:
    """Return an objection if the calibration error is larger by more than allowed, and not by chance."""
    if loss is None or loss.value is None or loss.low is None:
        return []
    if loss.value <= settings.max_calibration_loss or loss.low <= 0:
        return []
    allowed = f"at most {settings.max_calibration_loss:g} more is allowed"
    return [f"calibration error is larger than the champion's by {loss.in_words()}; {allowed}"]
