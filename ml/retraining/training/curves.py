"""Curves of a binary classifier on labelled rows as points: ROC, precision and recall, calibration.

Drawing them does not belong here.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_BINS = 10
Points = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class BinaryCurves:
    """Points (x, y) of each curve.

    Attributes
    ----------
    roc : false and true positive rate. precision_recall : recall and precision.
    calibration : mean probability and observed share in each of ten bins of equal width that has rows.
    """

    roc: Points
    precision_recall: Points
    calibration: Points


def binary_curves(true: npt.NDArray[np.bool_], score: npt.NDArray[np.float64], most: int | None = None) -> BinaryCurves:
    """Compute the curves of labelled rows of both classes.

    Parameters
    ----------
    true : (n,) whether a row is positive. score : (n,) its probability.
    most : largest number of points of a curve, evenly chosen; None keeps all.

    Examples
    --------
    >>> curves = binary_curves(np.array([False, True]), np.array([0.2, 0.9]))
    >>> [values.tolist() for values in curves.roc], [values.tolist() for values in curves.calibration]
    ([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0]], [[0.2, 0.9], [0.0, 1.0]])
    """
    from sklearn.metrics import precision_recall_curve, roc_curve

    false_positive, true_positive, _ = roc_curve(true, score)
    precision, recall, _ = precision_recall_curve(true, score)
    precision[-1] = precision[-2]  # scikit-learn ends the curve at a precision of 1 that no threshold has
    return BinaryCurves(
        _thinned((false_positive, true_positive), most),
        _thinned((recall, precision), most),
        _calibration(true, score),
    )


def _calibration(true: npt.NDArray[np.bool_], score: npt.NDArray[np.float64]) -> Points:
    place = np.minimum((score * _BINS).astype(int), _BINS - 1)
    rows = np.bincount(place, minlength=_BINS)
    used = rows > 0
    predicted = np.bincount(place, weights=score, minlength=_BINS)[used] / rows[used]
    return predicted, np.bincount(place, weights=true, minlength=_BINS)[used] / rows[used]


def _thinned(points: Points, most: int | None) -> Points:
    size = len(points[0])
    if most is None or size <= most:
        return points
    chosen = np.linspace(0, size - 1, most).round().astype(int)
    return points[0][chosen], points[1][chosen]
