"""A metric over several days, from the values and intervals of single days."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval and the rows that it was measured on."""

    value: float
    low: float
    high: float
    n: int


def pooled(days: Iterable[Estimate]) -> Estimate | None:
    r"""Return the mean of a metric over days, weighted by rows; None without rows.

    Days are taken as independent: with weights :math:`w_i = n_i / \sum n`, the lower half of the interval is
    :math:`\sqrt{\sum (w_i (v_i - l_i))^2}`, the upper half likewise. For accuracy and mean absolute error the mean is the
    value of all rows together; for ROC AUC it is the mean of the days' values, which does not compare rows of different days.

    Examples
    --------
    >>> pooled([Estimate(0.6, 0.5, 0.7, 100), Estimate(0.8, 0.7, 0.9, 100)])
    Estimate(value=0.7, low=0.629..., high=0.770..., n=200)
    """
    measured = [day for day in days if day.n > 0]
    n = sum(day.n for day in measured)
    if not n:
        return None
    value = sum(day.n * day.value for day in measured) / n
    below = math.hypot(*(day.n * (day.value - day.low) for day in measured)) / n
    above = math.hypot(*(day.n * (day.high - day.value) for day in measured)) / n
    return Estimate(value, value - below, value + above, n)
