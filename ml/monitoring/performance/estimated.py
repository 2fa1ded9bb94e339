"""Performance without labels: CBPE of classifications, DLE of regressions, with bands.

Expected metrics belong here; fitting the reference does not, it is in `ml.monitoring.performance.reference`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.monitoring.performance.bootstrap import Floats, Metrics, all_missing, summary
from ml.monitoring.performance.calibration import calibrate, calibrate_by_replicas
from ml.monitoring.performance.confusion import confusion_metrics
from ml.monitoring.performance.day_variation import vary_by_day
from ml.monitoring.performance.labels import as_labels, as_numbers, label_key
from ml.monitoring.performance.loss_model import Features, choose_rows, expected_losses
from ml.monitoring.performance.realised import (
    ERROR_METRICS,
    LABEL_METRICS,
    SCORE_METRICS,
    as_probabilities,
    group_scores,
)
from ml.monitoring.performance.regression import LOSSES, regression_metrics
from ml.monitoring.performance.scores import Scores, expected_calibration_error, score_metrics
from ml.monitoring.performance.tasks import Task, is_numeric

_SCORE_BINS = 1000
_DRAWS = 400


def estimated(
    task: Task,
    reference: Mapping[str, object],
    y_pred: npt.ArrayLike,
    y_proba: npt.ArrayLike | None,
    *,
    features: Features | None = None,
    rng: np.random.Generator | None = None,
) -> dict[str, object]:
    """Estimate the metrics of rows without labels, provided that scores are calibrated as in the reference.

    Classification: confidence-based performance estimation [1]_; each row is positive with its calibrated probability.
    Regression and grades: direct loss estimation by the error that rows with such features and predictions had in the
    reference; without features, that predictions of the same size had.

    Parameters
    ----------
    task : from `ml.monitoring.performance.tasks.target_of`.
    reference : from `ml.monitoring.performance.reference.reference_of`.
    y_pred, y_proba : (n,) as in `ml.monitoring.performance.realised.realised`.
    features : (n,) values of each feature by name, for regression and grades.
    rng : draws the bands; a fixed seed if None, so that the same rows give the same band.

    Returns
    -------
    Like `realised`, with `method` ("cbpe" or "dle"). The band from `low` to `high` covers 95 % of the values under sampling of the
    labels, of the reference, and of days where the reference has `days` whose estimates err by more than chance.

    References
    ----------
    .. [1] J. Białek et al. (2024), "Estimating model performance under covariate shift without labels", arXiv:2401.08348.
    """
    generator = rng or np.random.default_rng(0)
    if is_numeric(task):
        predicted = as_numbers(y_pred)
        is_usable = np.isfinite(predicted)
        metrics = _regression(reference, predicted[is_usable], choose_rows(features or {}, is_usable), generator)
        return {"task": task, "method": "dle", "n": int(is_usable.sum()), "metrics": metrics}
    guesses = as_labels(y_pred)
    proba = as_probabilities(y_proba, len(guesses))
    usable = np.isfinite(proba) & np.array([guess is not None for guess in guesses], bool)
    n = int(usable.sum())
    calibrator = reference["calibrator"]
    if not isinstance(calibrator, Mapping) or not n:
        reason = "no row has a prediction and a probability" if calibrator else "the reference has no calibrator"
        metrics = all_missing((*LABEL_METRICS, *SCORE_METRICS), reason, n)
    elif task == "binary":
        metrics = _binary(reference, guesses[usable] == label_key(reference["positive"]), proba[usable], generator)
    else:
        metrics = _multiclass(reference, proba[usable], generator)
    return {"task": task, "method": "cbpe", "n": n, "metrics": metrics}


def _binary(
    reference: Mapping[str, Any], is_positive: npt.NDArray[np.bool_], proba: Floats, rng: np.random.Generator
) -> dict[str, dict[str, object]]:
    calibrator = reference["calibrator"]
    score, position = group_scores(proba)
    exact = _exact(calibrator, score, _rows(position, is_positive, score.size))
    score, position = _group_coarsely(proba)
    rows = _rows(position, is_positive, score.size)
    draws = _expected(Scores.of(score), rows, _drawn(calibrator, score, rows, rng))
    return summary(exact, vary_by_day(draws, reference, rng), proba.size)


def _multiclass(reference: Mapping[str, Any], proba: Floats, rng: np.random.Generator) -> dict[str, dict[str, object]]:
    """Estimate only what follows from the probability of the predicted class: accuracy and calibration error."""
    calibrator = reference["calibrator"]
    score, position = _group_coarsely(proba)
    # All rows count as predicted positive: then the share of hits is the accuracy.
    rows = _rows(position, np.ones(proba.size, bool), score.size)
    exact = _exact(calibrator, score, rows)
    draws = _expected(Scores.of(score), rows, _drawn(calibrator, score, rows, rng))
    available = ("accuracy", "calibration_error")
    reason = "needs the probability of every class; events carry that of the predicted one"
    missing_metrics = all_missing((*LABEL_METRICS, *SCORE_METRICS), reason, proba.size)
    values, drawn = ({name: metrics[name] for name in available} for metrics in (exact, draws))
    return missing_metrics | summary(values, vary_by_day(drawn, reference, rng), proba.size)


def _rows(position: npt.NDArray[np.intp], is_positive: npt.NDArray[np.bool_], k: int) -> Floats:
    """Count the rows at each score that are predicted negative and positive: (2, k)."""
    return np.bincount(position + k * is_positive, minlength=2 * k).astype(np.float64).reshape(2, k)


def _exact(calibrator: Mapping[str, object], score: Floats, rows: Floats) -> Metrics:
    """Compute the expected metrics of (2, k) rows with k scores; labels have the noise of rows in the calibration error."""
    share = calibrate(calibrator, score)
    scores = Scores.of(score)
    noisy = expected_calibration_error(scores, rows.sum(axis=0), share)
    return {**_expected(scores, rows, (rows * share)[None]), "calibration_error": np.array([noisy])}


def _expected(scores: Scores, rows: Floats, positive: Floats) -> Metrics:
    """Compute metrics of (2, k) rows of which (b, 2, k) are positive."""
    negative = rows - positive
    hit, miss = positive.sum(axis=2), negative.sum(axis=2)
    matrix = np.stack([np.stack([miss[:, 0], miss[:, 1]], axis=1), np.stack([hit[:, 0], hit[:, 1]], axis=1)], axis=1)
    return confusion_metrics(matrix, 1) | score_metrics(scores, positive.sum(axis=1), negative.sum(axis=1))


def _drawn(calibrator: Mapping[str, object], score: Floats, rows: Floats, rng: np.random.Generator) -> Floats:
    """Draw labels from each replica of the calibrator: (b, 2, k) positive rows."""
    replicas = calibrate_by_replicas(calibrator, score)
    shares = np.clip(np.repeat(replicas, _DRAWS // len(replicas), axis=0), 0, 1)
    return rng.binomial(rows.astype(np.int64)[None], shares[:, None, :]).astype(np.float64)


def _group_coarsely(proba: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
    return group_scores(proba, _SCORE_BINS)


def _regression(
    reference: Mapping[str, Any], predicted: Floats, features: Features, rng: np.random.Generator
) -> dict[str, dict[str, object]]:
    errors = reference["errors"]
    if not isinstance(errors, Mapping) or not predicted.size:
        reason = "no row has a prediction" if errors else "the reference has too few labelled rows"
        return all_missing(ERROR_METRICS, reason, predicted.size)
    edges, reference_rows = np.asarray(errors["edges"], np.float64), np.asarray(errors["rows"], np.float64)
    means, deviations = np.asarray(errors["means"], np.float64), np.asarray(errors["deviations"], np.float64)
    position = np.searchsorted(edges, predicted, side="right")
    rows = np.bincount(position, minlength=edges.size + 1).astype(np.float64)
    spread = deviations * np.sqrt(1 / reference_rows + 1 / np.maximum(rows, 1))
    drawn = rng.normal(means, spread, size=(_DRAWS, *means.shape))
    # Means of non-negative terms must not be negative.
    drawn[:, [0, 1, 4, 5]] = np.maximum(drawn[:, [0, 1, 4, 5]], 0)
    mixed, drawn_mixed = means[None] @ rows / rows.sum(), drawn @ rows / rows.sum()
    losses = reference.get("losses")
    if losses and features:
        mixed[:, LOSSES], drawn_mixed[:, LOSSES] = expected_losses(losses, predicted, features, rng, _DRAWS)
    exact = _metrics(mixed, means[None, 6], position, predicted)
    draws = _metrics(drawn_mixed, drawn[:, 6], position, predicted)
    return summary(exact, vary_by_day(draws, reference, rng), predicted.size)


def _metrics(means: Floats, bias: Floats, position: npt.NDArray[np.intp], predicted: Floats) -> Metrics:
    """Compute metrics from (b, 7) means of terms and of the error, and the mean error (b, bins) by bin of the prediction."""
    centred = predicted - predicted.mean()
    first = np.bincount(position, weights=centred, minlength=bias.shape[1])
    # The true value is the prediction plus its bin's error: its variance follows from both.
    square = ((centred**2).sum() + 2 * bias @ first) / predicted.size + means[:, 1]
    return regression_metrics(means[:, :6], square - means[:, 6] ** 2)
