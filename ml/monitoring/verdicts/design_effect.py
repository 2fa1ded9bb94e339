"""Design effects: how much more the days of a baseline differ from each other than samples of one distribution.

Rows of a day often resemble each other (a day has one weather). Estimation from day profiles belongs here; the use of the design
effect in verdicts does not, it is in `plan.py` and `evidence.py`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from ml.monitoring.profiles.table import ColumnProfile, value_count
from ml.monitoring.verdicts.day_scores import cell_counts

MINIMUM_DAYS = 5  # with fewer, the variation between days cannot be estimated
_CHANCE = 0.01

Counts = NDArray[np.float64]


def design_effect(
    days: Sequence[ColumnProfile], reference: ColumnProfile, cells: int, weekdays: Sequence[int] | None = None
) -> float:
    """Estimate the design effect of a column; 1 if its days differ by no more than chance.

    The design effect is the factor by which the variance of a share exceeds that of independent rows [1]_: n rows in
    clusters are worth n / φ independent ones. With z_d = √n_d (p_d - q) / √q, p_d and q the shares of day d and of the whole
    baseline in the same cells, it is the largest eigenvalue of Σ z_d z_dᵀ / Σ (1 - n_d/m): the largest over all
    contrasts of the cells, with which Rao and Scott [2]_ bound χ². The mean of the eigenvalues would suffice for χ² if all were
    equal, but not for D or the Wasserstein distance of days that are shifted as a whole. With weekdays, days are compared with the
    days of the same weekday: p_d - q becomes p_d less the shares of its weekday, and m the rows of its weekday.

    Parameters
    ----------
    days : profiles of the baseline's local days, of the reference's kind, with values.
    reference : their merge.
    cells : number of cells.
    weekdays : by day; None takes the weekday for chance.

    Returns
    -------
    φ, greater than 1 if the days differ by more than those of independent rows do in 99 % of cases.

    References
    ----------
    .. [1] L. Kish, "Survey Sampling", Wiley, 1965.
    .. [2] J. Rao and A. Scott, "On chi-squared tests for multiway contingency tables with cell proportions estimated from
       survey data", Ann. Statist. 12, 1984.

    Examples
    --------
    >>> from ml.monitoring.profiles.numeric import NumericProfile
    >>> rng = np.random.default_rng(1)
    >>> def effect(means, weekdays=None):
    ...     days = [NumericProfile.from_values(rng.normal(mean, size=500)) for mean in means]
    ...     return round(design_effect(days, NumericProfile.merge(days), 10, weekdays))
    >>> effect([0.0] * 28), effect(rng.normal(size=28))
    (1, 148)
    >>> effect([n % 7 for n in range(28)]), effect([n % 7 for n in range(28)], [n % 7 for n in range(28)])
    (423, 1)
    """
    if len(days) < MINIMUM_DAYS:
        return 1.0
    (whole,) = cell_counts([reference], reference, cells)
    filled = whole > 0
    share = whole[filled] / value_count(reference)
    rows = cell_counts(days, reference, cells)
    n = rows.sum(axis=1)
    rows = rows[:, filled]
    expected, m = _shares_of_groups(rows, n, np.zeros(len(days), np.int64) if weekdays is None else np.array(weekdays))
    deviations = (rows / n[:, np.newaxis] - expected) * np.sqrt(n[:, np.newaxis] / share)
    freedom = float((1 - n / m).sum())
    if share.size < 2 or freedom <= 0:
        return 1.0
    chance = gammaincc(freedom * (share.size - 1) / 2, float(np.square(deviations).sum()) / 2)
    if chance > _CHANCE:
        return 1.0
    return max(float(np.linalg.norm(deviations, ord=2)) ** 2 / freedom, 1.0)


def _shares_of_groups(rows: Counts, n: Counts, groups: NDArray[np.int64]) -> tuple[Counts, Counts]:
    """Return for each day the shares of its group of days by cell, and the rows of that group."""
    members = groups[:, np.newaxis] == groups[np.newaxis]
    m = members @ n
    return members @ rows / m[:, np.newaxis], m
