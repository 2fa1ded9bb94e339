"""The exact rank-sum test of two small samples, far into its tail; ties count for neither side.

What the samples are, days of a column, is in `between_days`.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def rank_sum_p_value(first: Floats, second: Floats) -> float:
    """Return the two-sided p-value of Wilcoxon's rank sum [1]_ by its exact distribution.

    A normal approximation is useless here: of 5 days above 28 others, it makes a p-value of 4e-4, which is 8e-6.
    With ties the p-value is an upper bound, because a tie counts as the order that favours chance.

    Parameters
    ----------
    first, second : (n,) and (m,) values; both have at least one.

    References
    ----------
    .. [1] F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1, 1945; H. Mann and D. Whitney,
       "On a test of whether one of two random variables is stochastically larger than the other", Ann. Math. Stat. 18, 1947.

    Examples
    --------
    >>> f"{rank_sum_p_value(np.arange(28.0), np.arange(100.0, 105.0)):.2e}"
    '8.43e-06'
    >>> rank_sum_p_value(np.zeros(28), np.zeros(5))
    1.0
    """
    above = int((second[:, np.newaxis] > first[np.newaxis]).sum())
    below = int((second[:, np.newaxis] < first[np.newaxis]).sum())
    tail = _tail(second.size, first.size)
    return min(2 * float(min(tail[above], tail[below])), 1.0)


def smallest_p_value(n: int, m: int) -> float:
    """Return the p-value of two samples of these sizes that do not overlap.

    Examples
    --------
    >>> f"{smallest_p_value(5, 28):.2e}"
    '8.43e-06'
    """
    return min(2 * float(_tail(n, m)[-1]), 1.0)


@lru_cache(maxsize=256)
def _tail(n: int, m: int) -> Floats:
    """Return the probabilities that at least u of the n·m pairs are in one order, for u from 0 to n·m."""
    # ways[j, u]: how many choices of j of the values seen so far have u pairs in that order.
    ways = np.zeros((n + 1, n * m + 1))
    ways[0, 0] = 1.0
    for rank in range(1, n + m + 1):
        for chosen in range(min(rank, n), max(0, rank - m - 1), -1):
            pairs = rank - chosen
            ways[chosen, pairs:] += ways[chosen - 1, : n * m + 1 - pairs]
    tail: Floats = np.cumsum((ways[n] / ways[n].sum())[::-1])[::-1]
    return tail
