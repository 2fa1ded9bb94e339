"""Metrics of numeric predictions, from many means over rows at once.

Formulas over means belong here; averaging and resampling do not.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
TERMS = ("absolute", "squared", "true", "true_squared", "relative", "nonzero")
LOSSES = (0, 1, 4)
"""Places in `TERMS` of the losses: absolute, squared and relative."""


def error_terms(y_true: Floats, y_pred: Floats) -> Floats:
    """Return the terms of each row whose means determine all metrics: (n, 6), in the order of `TERMS`.

    Relative errors exist only for rows whose true value is not 0.
    """
    error = y_true - y_pred
    nonzero = y_true != 0
    relative = np.divide(np.abs(error), np.abs(y_true), out=np.zeros_like(error), where=nonzero)
    return np.column_stack([np.abs(error), error**2, y_true, y_true**2, relative, nonzero.astype(np.float64)])


def regression_metrics(means: Floats, variance: Floats) -> dict[str, Floats]:
    """Return MAE, RMSE, R² and MAPE (a share, over rows whose true value is not 0) from (b, 6) means and (b,) variances of y_true."""
    absolute, squared, _, _, relative, nonzero = means.T
    return {
        "mae": absolute,
        "rmse": np.sqrt(np.maximum(squared, 0)),
        "r2": 1 - np.divide(squared, variance, out=np.full_like(squared, np.nan), where=variance > 0),
        "mape": np.divide(relative, nonzero, out=np.full_like(relative, np.nan), where=nonzero > 0),
    }
