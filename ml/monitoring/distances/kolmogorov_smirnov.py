"""The Kolmogorov-Smirnov distance of two samples and its p-value.

The CDFs are in `cdf_difference.py`; thresholds do not belong here, they are in `ml.monitoring.verdicts`.
"""

import math

import numpy as np
from scipy.special import kolmogorov

from ml.monitoring.distances.cdf_difference import StepDifference, step_difference
from ml.monitoring.profiles.numeric import NumericProfile

EXACT_MAX_LATTICE = 10_000  # n·m for which counting lattice paths takes at most a millisecond or two


def kolmogorov_smirnov(reference: NumericProfile, current: NumericProfile) -> float:
    """Return D = sup |F - G|, the largest difference of the two empirical CDFs.

    Exact if both profiles hold all their distinct values; otherwise the error is at most the sum of their `steps.cdf_error`.

    Returns
    -------
    Distance from 0 to 1.

    Raises
    ------
    ValueError
        If a side has no finite values.

    Examples
    --------
    >>> one = np.arange(1000) / 10
    >>> round(kolmogorov_smirnov(NumericProfile.from_values(one), NumericProfile.from_values(one + 20)), 12)
    0.2
    """
    return kolmogorov_smirnov_of_steps(step_difference(reference, current))


def kolmogorov_smirnov_of_steps(difference: StepDifference) -> float:
    """Return D of a difference of CDFs.

    Examples
    --------
    >>> one, two = (NumericProfile.from_values(np.array(v)) for v in ([1.0, 2.0], [2.0, 3.0]))
    >>> kolmogorov_smirnov_of_steps(step_difference(one, two))
    0.5
    """
    return float(max(np.abs(difference.before).max(), np.abs(difference.at).max()))


def kolmogorov_smirnov_p_value(distance: float, n: int, m: int) -> float:
    """Return the probability of a D at least as large between samples of n and m rows of one distribution.

    Exact for small samples (n·m <= 10,000), else Kolmogorov's limit [1]_, which exceeds the exact value at finite n and so
    is conservative. With ties both are conservative.

    Raises
    ------
    ValueError
        If the distance is not from 0 to 1 or a size is below 1.

    References
    ----------
    .. [1] A. Kolmogorov, "Sulla determinazione empirica di una legge di distribuzione", G. Ist. Ital. Attuari 4, 1933;
       two samples: N. Smirnov, "Table for estimating the goodness of fit of empirical distributions", Ann. Math. Stat.
       19, 1948.

    Examples
    --------
    >>> kolmogorov_smirnov_p_value(1.0, 3, 3), round(kolmogorov_smirnov_p_value(0.17, 200, 1000), 6)
    (0.1, 0.000131)
    """
    if n < 1 or m < 1:
        raise ValueError(f"n, m: sample sizes must be at least 1, got {n} and {m}")
    if not 0 <= distance <= 1:
        raise ValueError(f"distance: D lies from 0 to 1, got {distance}")
    if n * m <= EXACT_MAX_LATTICE:
        return _exact_p_value(distance, n, m)
    return float(kolmogorov(math.sqrt(n * m / (n + m)) * distance))


def _exact_p_value(distance: float, n: int, m: int) -> float:
    """Return the share of the lattice paths from (0, 0) to (n, m) on which |i/n - j/m| reaches the distance somewhere."""
    # Integers throughout, so that the smallest probability is as exact as the largest: |i m - j n| < D n m, with a tolerance for
    # the rounding of D.
    limit = math.ceil(distance * n * m - 1e-7)
    paths = [0] * (m + 1)
    for i in range(n + 1):
        inside_so_far = 1 if i == 0 else 0
        for j in range(m + 1):
            inside_so_far = inside_so_far + paths[j] if abs(i * m - j * n) < limit else 0
            paths[j] = inside_so_far
    total = math.comb(n + m, n)
    return (total - paths[m]) / total
