"""Curves of a held-out window as plain data: ROC, precision and recall, calibration; errors of a regression.

Drawing does not belong here: PNG files are `plots`, inline SVG is `ml.charts`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.monitoring.performance.labels import as_labels, as_numbers, label_key
from ml.monitoring.performance.tasks import Target, is_numeric
from ml.retraining.promotion import Answers

CURVES = "curves.json"
MAX_POINTS = 200
_CALIBRATION_BINS = 10
_GROUPS = 20
_RESIDUAL_BINS = 30
_PLACES = 5

Curve = dict[str, list[float]]
Floats = npt.NDArray[np.float64]


def curves_of(target: Target, y_true: npt.NDArray[Any], answers: Mapping[str, Answers]) -> dict[str, dict[str, Curve]]:
    """Return the curves of each model by their names; each has `MAX_POINTS` points at most.

    Parameters
    ----------
    target : what the models predict. y_true : (n,) labels.
    answers : answers of each model, by its name.

    Returns
    -------
    By model: of a binary task `roc`, `precision_recall` and `calibration`, of a multiclass task `calibration` of the
    predicted class, of a numeric task `actual` (by predicted number) and `residuals`. A curve that does not exist, such as
    the ROC of a single class, is left out.
    """
    if not len(y_true):
        return {name: {} for name in answers}
    if is_numeric(target.task):
        numbers = as_numbers(y_true)
        return {name: _numeric_curves(numbers, as_numbers(given.y_pred)) for name, given in answers.items()}
    labels = as_labels(y_true)
    curves: dict[str, dict[str, Curve]] = {}
    for name, given in answers.items():
        score = np.asarray(given.y_proba, dtype=float)
        if target.task == "binary":
            curves[name] = _binary_curves(np.asarray(labels == label_key(target.positive)), score)
        else:
            hits = np.asarray(labels == as_labels(given.y_pred), dtype=bool)
            curves[name] = {"calibration": _calibration(hits, score)}
    return curves


def _binary_curves(true: npt.NDArray[np.bool_], score: Floats) -> dict[str, Curve]:
    from sklearn.metrics import precision_recall_curve, roc_curve

    curves = {"calibration": _calibration(true, score)}
    if 0 < true.sum() < len(true):
        false_positive, true_positive, _ = roc_curve(true, score)
        precision, recall, _ = precision_recall_curve(true, score)
        precision[-1] = precision[-2]  # scikit-learn ends the curve at a precision of 1 that no threshold has
        curves["roc"] = _thinned(false_positive, true_positive)
        curves["precision_recall"] = _thinned(recall[::-1], precision[::-1])
    return curves


def _calibration(true: npt.NDArray[np.bool_], score: Floats) -> Curve:
    """Return the observed share by mean probability, in bins of equal width that have rows."""
    place = np.clip((score * _CALIBRATION_BINS).astype(int), 0, _CALIBRATION_BINS - 1)
    rows = np.bincount(place, minlength=_CALIBRATION_BINS)
    used = rows > 0
    predicted = np.bincount(place, weights=score, minlength=_CALIBRATION_BINS)[used] / rows[used]
    observed = np.bincount(place, weights=true, minlength=_CALIBRATION_BINS)[used] / rows[used]
    return {"x": _listed(predicted), "y": _listed(observed), "rows": rows[used].tolist()}


def _numeric_curves(true: Floats, predicted: Floats) -> dict[str, Curve]:
    order = np.argsort(predicted, kind="stable")
    groups = np.array_split(order, min(_GROUPS, len(order)))
    low, median, high = np.array([np.quantile(true[group], (0.1, 0.5, 0.9)) for group in groups]).T
    counts, edges = np.histogram(true - predicted, bins=_RESIDUAL_BINS)
    return {
        "actual": {
            "x": _listed(np.array([predicted[group].mean() for group in groups])),
            "y": _listed(median),
            "low": _listed(low),
            "high": _listed(high),
            "rows": [len(group) for group in groups],
        },
        "residuals": {"edges": _listed(edges), "rows": counts.tolist()},
    }


def _thinned(x: Floats, y: Floats) -> Curve:
    """Return a curve with points at equal distances along it, so that steep parts keep theirs; the ends stay."""
    if len(x) > MAX_POINTS:
        way = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
        places = np.unique(np.searchsorted(way, np.linspace(0, way[-1], MAX_POINTS)))
        places[0], places[-1] = 0, len(x) - 1
        x, y = x[places], y[places]
    return {"x": _listed(x), "y": _listed(y)}


def _listed(values: Floats) -> list[float]:
    return [float(f"{value:.{_PLACES}g}") for value in values]
