"""The first Wasserstein distance of two samples: raw, in reference standard deviations, and trimmed.

The CDFs are in `cdf_difference.py`; the null distribution does not belong here, it is in `ml.monitoring.verdicts.null_distribution`.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.monitoring.distances.cdf_difference import StepDifference, step_difference
from ml.monitoring.profiles.cdf import share_of_interval
from ml.monitoring.profiles.numeric import NumericProfile

TRIMMED_SHARE = 0.005  # of the reference, at each end


def wasserstein(reference: NumericProfile, current: NumericProfile) -> float:
    """Return W₁ = ∫ |F(x) - G(x)| dx, in the column's unit [1]_.

    Exact if both profiles hold all their distinct values.

    Raises
    ------
    ValueError
        If a side has no finite values.

    References
    ----------
    .. [1] S. Vallender, "Calculation of the Wasserstein distance between probability distributions on the line",
       Theory Probab. Appl. 18, 1974.

    Examples
    --------
    >>> one = np.arange(1000) / 10
    >>> round(wasserstein(NumericProfile.from_values(one), NumericProfile.from_values(one + 20)), 9)
    20.0
    """
    return wasserstein_of_steps(step_difference(reference, current))


def normalised_wasserstein(reference: NumericProfile, current: NumericProfile) -> float:
    """Return W₁ in standard deviations of the reference (ddof 0); infinite if a constant reference changes.

    Raises
    ------
    ValueError
        If a side has no finite values.

    Examples
    --------
    >>> one = np.arange(1000) / 10
    >>> round(normalised_wasserstein(NumericProfile.from_values(one), NumericProfile.from_values(one + 20)), 7)
    0.6928207
    """
    return in_deviations(wasserstein(reference, current), math.sqrt(reference.m2 / reference.finite))


def trimmed_wasserstein(reference: NumericProfile, current: NumericProfile) -> float:
    """Return normalised W₁ with both samples clipped to the reference's quantiles 0.005 and 0.995.

    Without clipping, one outlier of 1e9 inflates the standard deviation until no shift can be detected, and dominates W₁. Clipped,
    it counts as one row at the end of the range.

    Raises
    ------
    ValueError
        If a side has no finite values.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> one, two = rng.normal(size=5000), rng.normal(0.5, size=5000)
    >>> one[0] = 1e9
    >>> round(trimmed_wasserstein(NumericProfile.from_values(one), NumericProfile.from_values(two)), 2)
    0.51
    """
    return trimmed_wasserstein_of_steps(step_difference(reference, current), trimmed_scale(reference))


def trimmed_wasserstein_of_steps(difference: StepDifference, scale: "TrimmedScale") -> float:
    """Return trimmed and normalised W₁ of a difference of CDFs.

    Examples
    --------
    >>> one, two = (NumericProfile.from_values(np.array(v)) for v in ([1.0, 3.0], [1.0, 1.0]))
    >>> round(trimmed_wasserstein_of_steps(step_difference(one, two), trimmed_scale(one)), 12)
    1.0
    """
    return in_deviations(wasserstein_of_steps(_clipped(difference, scale)), scale.deviation)


@dataclass(frozen=True, slots=True)
class TrimmedScale:
    """The range that a reference is clipped to, as a unit of length, in which nothing overflows.

    Attributes
    ----------
    low, high : ends of the range.
    deviation : standard deviation of the clipped reference (ddof 0) as a share of the range; 0 for a single value.
    """

    low: float
    high: float
    deviation: float

    def positions(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values as positions in the range: 0 at `low` and below, 1 at `high` and above."""
        return share_of_interval(values, self.low, self.high)


def trimmed_scale(reference: NumericProfile) -> TrimmedScale:
    """Return the reference's quantiles 0.005 and 0.995, and its standard deviation when clipped to them.

    Examples
    --------
    >>> values = np.append(np.tile([-1.0, 1.0], 1000), 1e9)
    >>> scale = trimmed_scale(NumericProfile.from_values(values))
    >>> scale.low, scale.high, round(scale.deviation, 6)
    (-1.0, 1.0, 0.5)
    """
    low, high = (float(end) for end in reference.quantile([TRIMMED_SHARE, 1 - TRIMMED_SHARE]))
    knots = share_of_interval(reference.knots, low, high) - 0.5
    rows_at = reference.upto - reference.below
    rows_between = reference.below[1:] - reference.upto[:-1]
    left, right = knots[:-1], knots[1:]
    first = float(rows_at @ knots + rows_between @ (left + right) / 2) / reference.finite
    # A uniform stretch has the second moment (a² + ab + b²)/3.
    stretches = rows_between @ (left * left + left * right + right * right) / 3
    second = float(rows_at @ (knots * knots) + stretches) / reference.finite
    return TrimmedScale(low, high, math.sqrt(max(second - first * first, 0.0)))


def in_deviations(distance: float, deviation: float) -> float:
    """Divide a distance by a standard deviation; if that is 0, return infinity, or 0 for a distance of 0.

    If the deviation has overflowed, the quotient is not a number, unless the distance is 0.

    Examples
    --------
    >>> in_deviations(3.0, 2.0), in_deviations(3.0, 0.0), in_deviations(0.0, 0.0), in_deviations(3.0, math.inf)
    (1.5, inf, 0.0, nan)
    """
    if math.isinf(deviation) and distance > 0:
        return math.nan
    if deviation > 0:
        return distance / deviation
    return math.inf if distance > 0 else 0.0


def wasserstein_of_steps(difference: StepDifference) -> float:
    """Return ∫ |difference| dx, exact for a function that is linear between knots and may cross zero there.

    Examples
    --------
    >>> one, two = (NumericProfile.from_values(np.array(v)) for v in ([1.0, 2.0], [2.0, 5.0]))
    >>> wasserstein_of_steps(step_difference(one, two))
    2.0
    """
    left, right = difference.at[:-1], difference.before[1:]
    height = np.abs(left + right) / 2
    crosses = np.flatnonzero(left * right < 0)
    below, above = left[crosses], right[crosses]
    height[crosses] = (below * below + above * above) / (2 * np.abs(above - below))
    widths = difference.knots[1:] - difference.knots[:-1]
    used = height > 0  # the width of a gap without difference may overflow
    return float(widths[used] @ height[used])


def _clipped(difference: StepDifference, scale: TrimmedScale) -> StepDifference:
    """Restrict the difference to a range, with the ends as knots, as a function of the position in the range."""
    at, before = _limits(difference, scale.low), _limits(difference, scale.high)
    inside = (difference.knots > scale.low) & (difference.knots < scale.high)
    return StepDifference(
        np.concatenate([[0.0], scale.positions(difference.knots[inside]), [1.0]]),
        np.concatenate([[at[0]], difference.before[inside], [before[0]]]),
        np.concatenate([[at[1]], difference.at[inside], [before[1]]]),
    )


def _limits(difference: StepDifference, x: float) -> tuple[float, float]:
    """Return the difference just below x and at x."""
    index = int(np.searchsorted(difference.knots, x))
    if index < difference.knots.size and difference.knots[index] == x:
        return float(difference.before[index]), float(difference.at[index])
    if index in {0, difference.knots.size}:
        return 0.0, 0.0
    left, right = difference.knots[index - 1], difference.knots[index]
    weight = float(share_of_interval(np.array(x), left, right))
    value = float(difference.at[index - 1] * (1 - weight) + difference.before[index] * weight)
    return value, value
