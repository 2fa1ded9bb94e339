"""Calibrators: monotone maps from a score to the share of hits observed in the reference, with their uncertainty.

Fitting and applying calibrators belong here; metrics do not.
"""

from collections.abc import Mapping

import numpy as np
from scipy.optimize import isotonic_regression

from ml.monitoring.performance.bootstrap import Floats
from ml.monitoring.performance.realised import group_scores

REPLICAS = 20
_GRID = 100
_MAX_SCORES = 2000


def fit_calibrator(score: Floats, true: Floats, rng: np.random.Generator) -> dict[str, object]:
    """Fit an isotonic regression of `true` on `score`, and replicas of it on resampled rows.

    Parameters
    ----------
    score : (n,) probabilities. true : (n,) 1 where the row was a hit, else 0. rng : draws the replicas.

    Returns
    -------
    `x` and `y` (knots, linear in between), `grid` and `replicas` (the replicas' values on the grid).
    """
    distinct, position = group_scores(score, _MAX_SCORES)
    rows = np.bincount(position).astype(np.float64)
    hits = np.bincount(position, weights=true).astype(np.float64)
    y = _isotonic(rows, hits)
    ends = np.ones(y.size, bool)
    # Knots inside a flat piece are redundant.
    ends[1:-1] = (y[1:-1] != y[:-2]) | (y[1:-1] != y[2:])
    grid = np.quantile(score, np.linspace(0, 1, _GRID))
    replicas = []
    for _ in range(REPLICAS):
        counts = rng.multinomial(int(rows.sum()), np.concatenate([hits, rows - hits]) / rows.sum()).astype(np.float64)
        replica_hits, replica_rows = counts[: y.size], counts[: y.size] + counts[y.size :]
        used = replica_rows > 0
        replicas.append(np.interp(grid, distinct[used], _isotonic(replica_rows[used], replica_hits[used])).tolist())
    return {"x": distinct[ends].tolist(), "y": y[ends].tolist(), "grid": grid.tolist(), "replicas": replicas}


def calibrate(calibrator: Mapping[str, object], score: Floats) -> Floats:
    """Return the reference's share of hits at each score; outside its range, that of the nearest end."""
    return np.asarray(np.interp(score, _floats(calibrator["x"]), _floats(calibrator["y"])), dtype=np.float64)


def calibrate_by_replicas(calibrator: Mapping[str, object], score: Floats) -> Floats:
    """Return the shares by each replica: (REPLICAS, n)."""
    grid, replicas = _floats(calibrator["grid"]), _floats(calibrator["replicas"])
    return np.stack([np.interp(score, grid, replica) for replica in replicas])


def _isotonic(rows: Floats, hits: Floats) -> Floats:
    return np.clip(np.asarray(isotonic_regression(hits / rows, weights=rows).x, dtype=np.float64), 0, 1)


def _floats(values: object) -> Floats:
    return np.asarray(values, dtype=np.float64)
