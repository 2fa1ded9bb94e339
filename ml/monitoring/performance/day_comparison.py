"""A metric of the newest days against its daily values in a baseline, with days as units.

Testing and pooling small days belong here; thresholds of the retrain rule and reading results do not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ml.monitoring.performance.bootstrap import CONFIDENCE, Floats

MIN_REFERENCE_DAYS = 5
"""Days with a value below which days cannot be compared."""
WINDOWS = (7, 14, 28)
"""Newest days that are compared, each with its share of `ALPHA`."""
ALPHA = 0.005
_MIN_ROWS = 50


@dataclass(frozen=True, slots=True)
class DayValue:
    """A metric of one day, and the rows that it was measured on."""

    day: str
    value: float
    n: int


@dataclass(frozen=True, slots=True)
class DayComparison:
    """A metric on the newest days and in the baseline, as means of days.

    Attributes
    ----------
    value, baseline : means of the current and of the baseline's days.
    low, high : 95 % interval of `value` beside a fixed `baseline`; it has the uncertainty of both.
    p_value : of the rank sum that the current days are no worse, corrected for the number of windows.
    compared_days, baseline_days : numbers of days compared, small ones pooled.
    n : rows of the current days.
    """

    value: float
    baseline: float
    low: float
    high: float
    p_value: float
    compared_days: int
    baseline_days: int
    n: int


def pool_small_days(days: Sequence[DayValue], min_rows: int = _MIN_ROWS) -> list[DayValue]:
    """Merge consecutive days, the newest first, until each has `min_rows` rows; return them oldest first.

    A merged value is the mean of the days' values, weighted by rows, and has the newest of their dates. The oldest days are
    left out where they have too few rows together.

    Examples
    --------
    >>> pool_small_days([DayValue("05-01", 0.9, 10), DayValue("05-02", 0.6, 30), DayValue("05-03", 0.8, 30)])
    [DayValue(day='05-03', value=0.7, n=60)]
    """
    pools: list[DayValue] = []
    group: list[DayValue] = []
    for day in reversed(days):
        group.append(day)
        n = sum(entry.n for entry in group)
        if n >= min_rows:
            pools.append(DayValue(group[0].day, sum(entry.n * entry.value for entry in group) / n, n))
            group = []
    return pools[::-1]


def compare_days(
    baseline: Sequence[DayValue], days: Sequence[DayValue], *, less_is_better: bool, min_change: float = 0.0
) -> DayComparison | None:
    r"""Test whether a metric is worse on the newest days than on the days of a baseline.

    Rows of one day share causes (weather, a campaign, an outage), so an interval of rows is too narrow for a comparison of days.
    Here each day counts once. Of the values of :math:`m` baseline days and the newest :math:`k` days, for each :math:`k` of
    `WINDOWS`, the one-sided rank sum [1]_

    .. math:: U = \sum_{i=1}^{k} \sum_{j=1}^{m} [x_i < y_j] + \tfrac12 [x_i = y_j]

    has a distribution that follows from the exchangeability of days alone; it is exact for few days without ties. Each
    window has an equal share of `ALPHA` [2]_.

    Parameters
    ----------
    baseline, days : values by day, oldest first.
    less_is_better : whether the metric measures errors.
    min_change : change of the mean for the worse up to which a window does not count, in the metric's unit.

    Returns
    -------
    The comparison of the window with the smallest p-value among those that changed by more than `min_change`; else of the
    shortest window. None with fewer than `MIN_REFERENCE_DAYS` baseline days or without current days.

    References
    ----------
    .. [1] Mann, H. B. and Whitney, D. R. (1947). On a test of whether one of two random variables is stochastically larger than
       the other. Annals of Mathematical Statistics 18(1), 50-60.
    .. [2] Dunn, O. J. (1961). Multiple comparisons among means. Journal of the American Statistical Association 56, 52-64.

    Examples
    --------
    >>> usual = [DayValue(f"04-{day:02}", 0.70 + 0.01 * (day % 7), 900) for day in range(1, 29)]
    >>> worse = [DayValue(f"05-{day:02}", 0.60 + 0.01 * day, 900) for day in range(1, 8)]
    >>> comparison = compare_days(usual, worse, less_is_better=False)
    >>> round(comparison.value, 2), round(comparison.baseline, 2), comparison.compared_days, comparison.p_value < 0.001
    (0.64, 0.73, 7, True)
    """
    reference, current = pool_small_days(baseline), pool_small_days(days)
    if len(reference) < MIN_REFERENCE_DAYS or not current:
        return None
    sizes = sorted({min(size, len(current)) for size in WINDOWS})
    sign = 1.0 if less_is_better else -1.0
    comparisons = [_compare(reference, current[-size:], sign, len(sizes)) for size in sizes]
    changed = [entry for entry in comparisons if sign * (entry.value - entry.baseline) > min_change]
    return min(changed, key=lambda entry: entry.p_value, default=comparisons[0])


def _compare(reference: Sequence[DayValue], current: Sequence[DayValue], sign: float, windows: int) -> DayComparison:
    before, now = (np.array([day.value for day in days]) for days in (reference, current))
    value, baseline = float(now.mean()), float(before.mean())
    margin = _margin(before, now)
    return DayComparison(
        value,
        baseline,
        value - margin,
        value + margin,
        min(1.0, windows * _rank_sum_p_value(sign * before, sign * now)),
        len(now),
        len(before),
        sum(day.n for day in current),
    )


def _rank_sum_p_value(before: Floats, now: Floats) -> float:
    """Return the p-value of the rank sum that `now` is not larger."""
    if np.ptp(np.concatenate([before, now])) == 0:
        return 1.0
    return float(np.asarray(stats.mannwhitneyu(now, before, alternative="greater").pvalue))


def _margin(before: Floats, now: Floats) -> float:
    """Return half of Welch's interval of the difference of means; one current day has the variance of the baseline's."""
    variances = np.array([before.var(ddof=1), now.var(ddof=1) if len(now) > 1 else before.var(ddof=1)])
    parts = variances / [len(before), len(now)]
    if not parts.sum():
        return 0.0
    freedom = parts.sum() ** 2 / (parts**2 / [len(before) - 1, max(len(now) - 1, 1)]).sum()
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * math.sqrt(parts.sum()))
