"""Pearson's χ² of homogeneity of two samples, and Cramér's V.

The table is taken as it is; pooling of sparse cells does not belong here, it is in `ml.monitoring.verdicts.significance`.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincc

from ml.monitoring.distances.shares import checked_counts, shares


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """Pearson's test of a two-row table.

    Attributes
    ----------
    statistic : X².
    degrees_of_freedom : cells with a row on either side, minus one.
    p_value : asymptotic probability of an X² at least as large if both samples have the same distribution.
    """

    statistic: float
    degrees_of_freedom: int
    p_value: float


def chi_square_of_counts(reference: ArrayLike, current: ArrayLike) -> ChiSquare:
    """Test homogeneity by X² = n m Σ (p - q)² / (a + b) over cells with a reference and b current rows, p = a/m, q = b/n.

    Both samples are random, so the expected rows are estimated from both together: a category without reference rows
    gives a large X², not an infinite one [1]_. No continuity correction.

    Parameters
    ----------
    reference, current : (k,) rows by cell.

    Raises
    ------
    ValueError
        If the counts do not fit together or a side has no rows.

    References
    ----------
    .. [1] K. Pearson, "On the probability that two independent distributions of frequency are really samples from the
       same population", Biometrika 8, 1911.

    Examples
    --------
    >>> test = chi_square_of_counts([500, 300, 200, 0], [400, 300, 200, 100])
    >>> round(test.statistic, 4), test.degrees_of_freedom, f"{test.p_value:.4e}"
    (111.1111, 3, '6.3271e-24')
    """
    first, second = checked_counts(reference, current)
    m, n = first.sum(), second.sum()
    both = first + second
    used = both > 0
    statistic = float((n * m * (first / m - second / n)[used] ** 2 / both[used]).sum())
    freedom = int(used.sum()) - 1
    p_value = float(gammaincc(freedom / 2, statistic / 2)) if freedom else 1.0
    return ChiSquare(statistic, freedom, p_value)


def cramers_v_of_counts(reference: ArrayLike, current: ArrayLike) -> float:
    """Return Cramér's V of the table in which both samples have the same weight, V = √(½ Σ (p - q)² / (p + q)).

    For samples of equal size this is √(X²/N) [1]_. Otherwise √(X²/N) decreases with the ratio of the two sizes (a year against a
    day could never reach a threshold), so it is not an effect size by which days can be compared.

    Parameters
    ----------
    reference, current : (k,) rows by cell.

    Returns
    -------
    Association from 0 (equal shares) to 1 (nothing in common).

    Raises
    ------
    ValueError
        If the counts do not fit together or a side has no rows.

    References
    ----------
    .. [1] H. Cramér, "Mathematical Methods of Statistics", Princeton, 1946, section 21.9.

    Examples
    --------
    >>> round(cramers_v_of_counts([500, 300, 200, 0], [400, 300, 200, 100]), 4)
    0.2357
    >>> round(cramers_v_of_counts([50000, 30000, 20000, 0], [400, 300, 200, 100]), 4)
    0.2357
    """
    p, q = shares(reference, current)
    used = (p + q) > 0
    return min(math.sqrt(float(np.square(p - q)[used] @ (1 / (p + q)[used])) / 2), 1.0)
