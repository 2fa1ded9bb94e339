"""Realised performance: metrics of predictions whose labels are known, with bootstrap intervals.

Choosing rows, counting them and naming metrics belong here; formulas and resampling do not.
"""

import numpy as np
import numpy.typing as npt

from ml.monitoring.performance.bootstrap import RESAMPLES, Floats, Metrics, all_missing, resample, summary
from ml.monitoring.performance.confusion import confusion_metrics
from ml.monitoring.performance.labels import Labels, as_labels, as_numbers, label_key
from ml.monitoring.performance.regression import error_terms, regression_metrics
from ml.monitoring.performance.scores import Scores, score_metrics
from ml.monitoring.performance.tasks import Task, guess_positive, is_numeric

LABEL_METRICS = ("accuracy", "balanced_accuracy", "precision", "recall", "f1")
SCORE_METRICS = ("roc_auc", "pr_auc", "log_loss", "brier", "calibration_error")
ERROR_METRICS = ("mae", "rmse", "r2", "mape")
# With more distinct scores than this, intervals are drawn from binned scores; the values of the metrics stay exact.
MAX_CELLS = 10_000
_SCORE_BINS = 1000
_ONE_CLASS = dict.fromkeys(("roc_auc", "pr_auc"), "only one class among the labels")
_NO_NUMBERS = {"r2": "the labels are all equal", "mape": "the labels are all 0"}

Values = Labels | Floats


def realised(
    task: Task,
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    y_proba: npt.ArrayLike | None,
    *,
    rng: np.random.Generator,
    positive: str | None = None,
    intervals: bool = True,
) -> dict[str, object]:
    """Compute metrics of labelled rows, as data for JSON.

    Parameters
    ----------
    task : from `ml.monitoring.performance.tasks.target_of`.
    y_true, y_pred : (n,) class labels in any spelling, or numbers of an ordinal task or a regression; None or NaN if missing.
    y_proba : (n,) probability of the positive class (binary) or of the predicted class (multiclass); None or NaN if missing.
    rng : draws the resamples.
    positive : the positive label of a binary task, every other label is negative; guessed from the rows if None.
    intervals : whether to draw intervals; if not, `low` and `high` are null.

    Returns
    -------
    `task`, `n` (rows with a label) and `metrics`: by name `value`, `low`, `high` (95 % bootstrap percentiles), `n` (rows
    with all values that the metric needs) and `reason` (why the value is null, else null).

    Raises
    ------
    ValueError
        If the lengths differ.

    Examples
    --------
    >>> result = realised("binary", ["1", "0", "1"], ["1", "0", "0"], [0.9, 0.2, 0.4], rng=np.random.default_rng(1))
    >>> round(result["metrics"]["accuracy"]["value"], 3), result["metrics"]["roc_auc"]["value"]
    (0.667, 1.0)
    """
    draw = rng if intervals else None
    if is_numeric(task):
        true, predicted = as_numbers(y_true), as_numbers(y_pred)
        _require_same_length(true, predicted)
        return {"task": task, "n": int(np.isfinite(true).sum()), "metrics": _errors(true, predicted, draw)}
    labels, guesses = as_labels(y_true), as_labels(y_pred)
    proba = as_probabilities(y_proba, len(labels))
    _require_same_length(labels, guesses, proba)
    labelled = np.array([label is not None for label in labels], bool)
    labels, guesses, proba = labels[labelled], guesses[labelled], proba[labelled]
    if task == "binary":
        key = label_key(positive) or positive_among(labels, guesses)
        metrics = _binary(labels == key, guesses, key, proba, draw)
    else:
        metrics = _multiclass(labels, guesses, proba, draw)
    return {"task": task, "n": len(labels), "metrics": metrics}


def positive_among(*columns: Labels) -> str:
    """Guess the key of the positive label from columns of keys; 1 where they do not tell."""
    return guess_positive({key for column in columns for key in column if key is not None}) or "1"


def as_probabilities(values: npt.ArrayLike | None, rows: int) -> Floats:
    """Convert values to probabilities; missing ones and those outside 0 to 1 are NaN."""
    if values is None:
        return np.full(rows, np.nan)
    numbers = np.asarray(values, dtype=np.float64)
    return np.where((numbers >= 0) & (numbers <= 1), numbers, np.nan)


def group_scores(score: Floats, bins: int | None = None) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Return ascending distinct scores and each row's position in them; with `bins`, the means of so many bins of equal counts."""
    distinct, position = np.unique(score, return_inverse=True)
    if bins is None or distinct.size <= MAX_CELLS:
        return distinct, position
    counts = np.bincount(position)
    cell = np.minimum((np.cumsum(counts) - counts) * bins // score.size, bins - 1)
    _, cell = np.unique(cell, return_inverse=True)
    means = np.bincount(cell, weights=counts * distinct) / np.bincount(cell, weights=counts)
    return means, cell[position]


def _binary(
    true: npt.NDArray[np.bool_], guesses: Labels, positive: str, proba: Floats, rng: np.random.Generator | None
) -> dict[str, dict[str, object]]:
    predicted = np.array([guess is not None for guess in guesses], bool)
    cells = np.bincount(2 * true[predicted] + (guesses[predicted] == positive), minlength=4).astype(np.float64)
    metrics = _confusion(cells, 2, 1, rng)
    scored = np.isfinite(proba)
    return metrics | _scores(proba[scored], true[scored], rng)


def _confusion(
    cells: Floats, k: int, positive: int | None, rng: np.random.Generator | None
) -> dict[str, dict[str, object]]:
    n = int(cells.sum())
    if not n:
        return all_missing(LABEL_METRICS, "no labelled row has a prediction", 0)

    def metrics(counts: Floats) -> Metrics:
        return confusion_metrics(counts.reshape(-1, k, k), positive)

    return summary(metrics(cells), resample(cells, metrics, rng) if rng else None, n)


def _scores(
    score: Floats, true: npt.NDArray[np.bool_], rng: np.random.Generator | None
) -> dict[str, dict[str, object]]:
    if not score.size:
        return all_missing(SCORE_METRICS, "no labelled row has a probability", 0)
    values, _ = _score_cells(score, true, None)
    draws = None
    if rng:
        _, (scores, counts) = _score_cells(score, true, _SCORE_BINS)
        k = scores.score.size
        draws = resample(counts, lambda drawn: score_metrics(scores, drawn[:, :k], drawn[:, k:]), rng)
    return summary(values, draws, score.size, _ONE_CLASS)


def _score_cells(score: Floats, true: npt.NDArray[np.bool_], bins: int | None) -> tuple[Metrics, tuple[Scores, Floats]]:
    distinct, position = group_scores(score, bins)
    scores = Scores.of(distinct)
    positive = np.bincount(position[true], minlength=distinct.size).astype(np.float64)
    negative = np.bincount(position[~true], minlength=distinct.size).astype(np.float64)
    return score_metrics(scores, positive[None], negative[None]), (scores, np.concatenate([positive, negative]))


def _multiclass(
    labels: Labels, guesses: Labels, proba: Floats, rng: np.random.Generator | None
) -> dict[str, dict[str, object]]:
    predicted = np.array([guess is not None for guess in guesses], bool)
    labels, guesses, proba = labels[predicted], guesses[predicted], proba[predicted]
    classes, codes = np.unique(np.concatenate([labels, guesses]).astype(str), return_inverse=True)
    k, n = classes.size, labels.size
    cells = np.bincount(codes[:n] * k + codes[n:], minlength=k * k).astype(np.float64)
    metrics = _confusion(cells, k, None, rng)
    reason = "needs the probability of every class; events carry that of the predicted one"
    metrics |= all_missing(("roc_auc", "pr_auc", "log_loss", "brier"), reason, n)
    scored = np.isfinite(proba)
    top = _scores(proba[scored], (labels == guesses)[scored], rng)
    return metrics | {"calibration_error": top["calibration_error"]}


def _errors(true: Floats, predicted: Floats, rng: np.random.Generator | None) -> dict[str, dict[str, object]]:
    both = np.isfinite(true) & np.isfinite(predicted)
    n = int(both.sum())
    if not n:
        return all_missing(ERROR_METRICS, "no labelled row has a prediction", 0)
    # R² is invariant if both sides are shifted together; centred squares lose no digits.
    centre = true[both].mean()
    terms = error_terms(true[both], predicted[both])
    terms[:, 2], terms[:, 3] = true[both] - centre, (true[both] - centre) ** 2

    def metrics(means: Floats) -> Metrics:
        return regression_metrics(means, means[:, 3] - means[:, 2] ** 2)

    draws = metrics(_resampled_means(terms, rng)) if rng else None
    return summary(metrics(terms.mean(axis=0)[None]), draws, n, _NO_NUMBERS)


def _resampled_means(terms: Floats, rng: np.random.Generator) -> Floats:
    """Draw means of bootstrap samples; with many rows, from their asymptotic normal distribution."""
    n = len(terms)
    if n > MAX_CELLS:
        return rng.multivariate_normal(terms.mean(axis=0), np.cov(terms.T) / n, size=RESAMPLES, method="eigh")
    return np.stack([np.bincount(rng.integers(n, size=n), minlength=n) @ terms / n for _ in range(RESAMPLES)])


def _require_same_length(*columns: Values) -> None:
    if len({len(column) for column in columns}) > 1:
        raise ValueError(f"y_true, y_pred and y_proba differ in length: {[len(column) for column in columns]}")
