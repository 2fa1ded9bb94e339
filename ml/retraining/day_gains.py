"""The mean gain of one model over another, with days as units: interval of a mean of rows that are alike within a day.

What the gain of a row is, and what follows from the interval, is in `promotion`.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from ml.monitoring.performance.bootstrap import Floats


@dataclass(frozen=True, slots=True)
class Gain:
    """A mean gain with its interval; all but the numbers of units are None where the metric does not exist.

    Attributes
    ----------
    low, high : interval at `confidence`; each side has half of the error.
    rows, days : units that it was computed from; `days` is None where rows are the units.
    """

    value: float | None
    low: float | None
    high: float | None
    confidence: float
    rows: int
    days: int | None

    def in_words(self) -> str:
        """Describe value, interval and units."""
        units = f"{self.rows:,} rows" if self.days is None else f"{self.days} daily gains"
        interval = f"{100 * self.confidence:.4g} % interval {self.low:.4f} to {self.high:.4f}"
        return f"{self.value:.4f} ({interval}, from {units})"


def mean_gain(gains: Floats, days: npt.NDArray[Any] | None, level: float) -> Gain:
    r"""Return the mean gain of (n,) rows with an interval that holds where the rows of a day share causes.

    With the sums :math:`T_d` of the gains' deviations from their mean on each of K days, the variance of the mean is
    :math:`\frac{K}{K - 1} \frac{1}{n^2} \sum_d T_d^2`, and the interval is that of Student's t [1]_. Days of unequal
    sizes count as :math:`n^2 / \sum_d n_d^2` days for the degrees of freedom. With one day or none, rows are the units.

    Parameters
    ----------
    gains : gain of each row. days : (n,) day of each row; None if unknown.
    level : error of each side of the interval.

    References
    ----------
    .. [1] Liang, K.-Y. and Zeger, S. L. (1986). Longitudinal data analysis using generalized linear models. Biometrika 73(1), 13-22.

    Examples
    --------
    >>> gains = np.array([0.1, 0.3, 0.2, 0.4, 0.0, 0.2])
    >>> print(mean_gain(gains, np.array(["04-01", "04-01", "04-02", "04-02", "04-03", "04-03"]), 0.025).in_words())
    0.2000 (95 % interval -0.0484 to 0.4484, from 3 daily gains)
    """
    rows, value = len(gains), float(gains.mean()) if len(gains) else math.nan
    groups = np.zeros(rows, np.intp) if days is None else np.unique(days, return_inverse=True)[1]
    count = int(groups.max(initial=-1)) + 1
    by_days = count > 1
    units = groups if by_days else np.arange(rows)
    number = count if by_days else rows
    if not math.isfinite(value) or number < 2:
        return Gain(None, None, None, 1 - 2 * level, rows, count if by_days else None)
    sizes = np.bincount(units)
    sums = np.bincount(units, gains - value)
    error = math.sqrt(number / (number - 1) * float(sums @ sums)) / rows
    effective = rows**2 / float(sizes @ sizes)
    margin = float(stats.t.isf(level, effective - 1)) * error if error else 0.0
    return Gain(value, value - margin, value + margin, 1 - 2 * level, rows, count if by_days else None)
