"""Calibrators: monotone maps from a score to the share of hits observed in the reference, with their uncertainty.

Choosing, resampling and applying calibrators belong here; metrics do not.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from ml.monitoring.performance.beta_calibration import apply_beta, bounds_of, fit_beta
from ml.monitoring.performance.bootstrap import Floats
from ml.monitoring.performance.realised import group_scores

MIN_ISOTONIC_ROWS = 1000
"""Rows below which a calibrator is never isotonic: its steps count noise as skill."""
_FOLDS = 5
_BETA_REPLICAS = 100
_ISOTONIC_REPLICAS = 20
_GRID = 100
_MAX_SCORES = 2000


def fit_calibrator(score: Floats, true: Floats, rng: np.random.Generator) -> dict[str, object]:
    """Fit shares of `true` on `score`, and replicas of the fit on resampled rows.

    Parameters
    ----------
    score : (n,) probabilities. true : (n,) 1 where the row was a hit, else 0. rng : draws the replicas.

    Returns
    -------
    Beta calibration: `coefficients`, `replicas` (coefficients of each) and `bounds` of scores. Where there are at least
    `MIN_ISOTONIC_ROWS` rows and it has the smaller Brier score on rows held out, isotonic regression: `x` and `y` (knots, linear in
    between), `grid` and `replicas` (the replicas' values on the grid).
    """
    distinct, position = group_scores(score, _MAX_SCORES)
    rows = np.bincount(position).astype(np.float64)
    hits = np.bincount(position, weights=true).astype(np.float64)
    if score.size < MIN_ISOTONIC_ROWS or not _prefers_isotonic(distinct, position, true, rng):
        resampled_rows, resampled_hits = _resample(rows, hits, _BETA_REPLICAS, rng)
        bounds = bounds_of(distinct)
        fits = fit_beta(distinct, np.vstack([rows, resampled_rows]), np.vstack([hits, resampled_hits]), bounds)
        return {"coefficients": fits[0].tolist(), "replicas": fits[1:].tolist(), "bounds": bounds}
    y = _isotonic(rows, hits)
    ends = np.ones(y.size, bool)
    # Knots inside a flat piece are redundant.
    ends[1:-1] = (y[1:-1] != y[:-2]) | (y[1:-1] != y[2:])
    grid = np.quantile(score, np.linspace(0, 1, _GRID))
    replicas = []
    for replica_rows, replica_hits in zip(*_resample(rows, hits, _ISOTONIC_REPLICAS, rng), strict=True):
        replicas.append(np.interp(grid, distinct, _isotonic_at(distinct, replica_rows, replica_hits)).tolist())
    return {"x": distinct[ends].tolist(), "y": y[ends].tolist(), "grid": grid.tolist(), "replicas": replicas}


def calibrate(calibrator: Mapping[str, object], score: Floats) -> Floats:
    """Return the reference's share of hits at each score; outside the range of an isotonic one, that of the nearest end."""
    if "coefficients" in calibrator:
        return _apply_beta(calibrator, np.atleast_2d(_floats(calibrator["coefficients"])), score).ravel()
    return np.asarray(np.interp(score, _floats(calibrator["x"]), _floats(calibrator["y"])), dtype=np.float64)


def calibrate_by_replicas(calibrator: Mapping[str, object], score: Floats) -> Floats:
    """Return the shares by each replica: (replicas, n)."""
    replicas = _floats(calibrator["replicas"])
    if "coefficients" in calibrator:
        return _apply_beta(calibrator, replicas, score)
    grid = _floats(calibrator["grid"])
    return np.stack([np.interp(score, grid, replica) for replica in replicas])


def _prefers_isotonic(distinct: Floats, position: npt.NDArray[np.intp], true: Floats, rng: np.random.Generator) -> bool:
    """Return whether isotonic regression has a smaller Brier score than beta calibration on folds held out."""
    folds = rng.integers(_FOLDS, size=true.size)
    cells = np.bincount(folds * distinct.size + position, minlength=_FOLDS * distinct.size)
    held_rows = cells.reshape(_FOLDS, -1).astype(np.float64)
    cells = np.bincount(folds * distinct.size + position, weights=true, minlength=_FOLDS * distinct.size)
    held_hits = cells.reshape(_FOLDS, -1)
    rows, hits = held_rows.sum(axis=0) - held_rows, held_hits.sum(axis=0) - held_hits
    bounds = bounds_of(distinct)
    smooth = apply_beta(fit_beta(distinct, rows, hits, bounds), distinct, bounds)
    steps = np.stack([_isotonic_at(distinct, *fold) for fold in zip(rows, hits, strict=True)])
    losses = [(held_rows * share**2 - 2 * held_hits * share).sum() for share in (smooth, steps)]
    return bool(losses[1] < losses[0])


def _isotonic_at(distinct: Floats, rows: Floats, hits: Floats) -> Floats:
    """Fit isotonic regression on the scores that have rows, and apply it at all of them."""
    used = rows > 0
    return np.asarray(np.interp(distinct, distinct[used], _isotonic(rows[used], hits[used])), np.float64)


def _apply_beta(calibrator: Mapping[str, object], coefficients: Floats, score: Floats) -> Floats:
    low, high = _floats(calibrator["bounds"])
    return apply_beta(coefficients, score, (float(low), float(high)))


def _resample(rows: Floats, hits: Floats, replicas: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw rows with replacement: the rows and the hits of each replica, by score."""
    n, k = int(rows.sum()), rows.size
    counts = rng.multinomial(n, np.concatenate([hits, rows - hits]) / n, size=replicas).astype(np.float64)
    return counts[:, :k] + counts[:, k:], counts[:, :k]


def _isotonic(rows: Floats, hits: Floats) -> Floats:
    return np.clip(np.asarray(isotonic_regression(hits / rows, weights=rows).x, dtype=np.float64), 0, 1)


def _floats(values: object) -> Floats:
    return np.asarray(values, dtype=np.float64)
