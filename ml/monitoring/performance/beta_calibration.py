"""Beta calibration: a smooth map from scores to probabilities with three coefficients, fitted to many weightings at once.

Fitting and applying the map belong here; choosing a calibrator and resampling rows do not.
"""

import numpy as np
import numpy.typing as npt

from ml.monitoring.performance.bootstrap import Floats

Bounds = tuple[float, float]
_SMALLEST = 1e-6
_RIDGE = 0.1
_MAX_STEP = 2.0
_ITERATIONS = 100
_IDENTITY = np.array([1.0, 1.0, 0.0])


def bounds_of(score: Floats) -> Bounds:
    """Return the bounds that scores are clipped to, because those of 0 and 1 have no logarithm.

    They are half as far from 0 and 1 as the nearest other scores, so that a score of 0 among ten votes is not taken for the
    certainty that 0 is among scores of 1e-5.

    Examples
    --------
    >>> bounds_of(np.array([0.0, 0.1, 0.8, 1.0]))
    (0.05, 0.9)
    """
    inner = score[(score > 0) & (score < 1)]
    if not inner.size:
        return 0.25, 0.75
    low, high = max(inner.min() / 2, _SMALLEST), min((1 + inner.max()) / 2, 1 - _SMALLEST)
    return float(low), float(high)


def fit_beta(score: Floats, rows: Floats, hits: Floats, bounds: Bounds = (0.0, 1.0)) -> Floats:
    r"""Fit beta calibration [1]_ of shares of hits on scores, under b weightings of k distinct scores.

    .. math:: \operatorname{logit} p(s) = a \ln s - b \ln(1 - s) + c, \qquad a, b \ge 0

    is the calibration map of scores that have a beta distribution in each class. Platt scaling of the score's logit is the case
    :math:`a = b`; the identity is :math:`a = b = 1, c = 0`. The likelihood has a weak normal prior around the identity, so
    that rows of one class, or those that a score separates, have finite coefficients. A negative coefficient is set to 0, and
    the others are fitted again.

    Parameters
    ----------
    score : (k,) between 0 and 1.
    rows, hits : (b, k) rows with each score, and the hits among them.
    bounds : from `bounds_of`.

    Returns
    -------
    (b, 3) coefficients a, b, c.

    References
    ----------
    .. [1] Kull, M., Silva Filho, T. and Flach, P. (2017). Beta calibration: a well-founded and easily implemented improvement
       on logistic calibration for binary classifiers. AISTATS, PMLR 54, 623-631.

    Examples
    --------
    >>> score = np.linspace(0.01, 0.99, 99)
    >>> rows = np.full((1, 99), 1000.0)
    >>> fit_beta(score, rows, rows * score**2 / (score**2 + (1 - score) ** 2)).round(2)[:, :2]  # overconfidence reversed
    array([[2., 2.]])
    """
    design = _design(score, bounds)
    coefficients = _maximise(design, rows, hits, np.ones((len(rows), 3), bool))
    negative = coefficients < [0, 0, -np.inf]
    affected = negative.any(axis=1)
    if affected.any():
        coefficients[affected] = _maximise(design, rows[affected], hits[affected], ~negative[affected])
    return np.maximum(coefficients, [0, 0, -np.inf])


def apply_beta(coefficients: Floats, score: Floats, bounds: Bounds = (0.0, 1.0)) -> Floats:
    """Return the shares of (b, 3) coefficients at (n,) scores: (b, n).

    Examples
    --------
    >>> apply_beta(np.array([[1.0, 1.0, 0.0]]), np.array([0.2, 0.7])).round(6)
    array([[0.2, 0.7]])
    """
    return _sigmoid(coefficients @ _design(score, bounds).T)


def _design(score: Floats, bounds: Bounds) -> Floats:
    clipped = np.clip(score, max(bounds[0], _SMALLEST), min(bounds[1], 1 - _SMALLEST))
    return np.column_stack([np.log(clipped), -np.log1p(-clipped), np.ones_like(clipped)])


def _maximise(design: Floats, rows: Floats, hits: Floats, is_free: npt.NDArray[np.bool_]) -> Floats:
    """Maximise the penalised likelihoods by Newton's method; coefficients that are not free are 0."""
    coefficients = np.where(is_free, _IDENTITY, 0.0)
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), 9)
    both_free = is_free[:, :, None] & is_free[:, None, :]
    for _ in range(_ITERATIONS):
        share = _sigmoid(coefficients @ design.T)
        gradient = (hits - rows * share) @ design - _RIDGE * (coefficients - _IDENTITY)
        hessian = ((rows * share * (1 - share)) @ products).reshape(-1, 3, 3) + _RIDGE * np.eye(3)
        hessian = np.where(both_free, hessian, np.eye(3))
        step = np.linalg.solve(hessian, np.where(is_free, gradient, 0.0)[:, :, None])[:, :, 0]
        coefficients += np.clip(step, -_MAX_STEP, _MAX_STEP)
        if np.abs(step).max() < 1e-8:
            break
    return coefficients


def _sigmoid(logit: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -700, 700))), np.float64)
