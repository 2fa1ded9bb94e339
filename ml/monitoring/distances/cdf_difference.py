"""The difference of two empirical CDFs at their common knots, for Kolmogorov-Smirnov and Wasserstein.

Evaluating one profile does not belong here, it is in `NumericProfile`; neither do the statistics, each in a file of its own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.monitoring.profiles.cdf import share_of_interval
from ml.monitoring.profiles.numeric import NumericProfile


@dataclass(frozen=True, slots=True, eq=False)
class StepDifference:
    """Current minus reference CDF.

    Attributes
    ----------
    knots : (k,) ascending, all knots of both profiles.
    before, at : (k,) difference of the shares < and <= each knot. Between two knots it is linear, from `at` of the left
        to `before` of the right one (which are equal if both profiles hold all their distinct values).
    """

    knots: NDArray[np.float64]
    before: NDArray[np.float64]
    at: NDArray[np.float64]


def step_difference(reference: NumericProfile, current: NumericProfile) -> StepDifference:
    """Return the difference of two CDFs at all knots of both.

    Raises
    ------
    ValueError
        If a side has no finite values.

    Examples
    --------
    >>> one, two = (NumericProfile.from_values(np.array(v)) for v in ([1.0, 2.0], [2.0, 3.0]))
    >>> step_difference(one, two).at.tolist()
    [-0.5, -0.5, 0.0]
    """
    for name, profile in (("reference", reference), ("current", current)):
        if not profile.finite:
            raise ValueError(f"{name}: no finite values to compare; give a sample with at least one")
    knots = np.unique(np.concatenate([reference.knots, current.knots]))
    reference_before, reference_at = cumulative(reference, knots)
    current_before, current_at = cumulative(current, knots)
    return StepDifference(
        knots,
        current_before / current.finite - reference_before / reference.finite,
        current_at / current.finite - reference_at / reference.finite,
    )


def cumulative(profile: NumericProfile, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count finite values < and <= each point: `NumericProfile.cdf_below` and `cdf` in one pass, for the inner loop of `judge`.

    Parameters
    ----------
    profile : with at least one finite value.
    points : (p,) finite.

    Examples
    --------
    >>> before, at = cumulative(NumericProfile.from_values(np.array([1.0, 2.0, 2.0])), np.array([1.5, 2.0]))
    >>> before.tolist(), at.tolist()
    ([1.0, 1.0], [1.0, 3.0])
    """
    knots, last = profile.knots, profile.knots.size - 1
    place = np.searchsorted(knots, points)
    right = np.minimum(place, last)
    hit = knots[right] == points
    left = np.maximum(place - 1, 0)
    # Between two knots the count increases linearly from `upto` of the left to `below` of the right one; at a knot it jumps.
    gap = profile.below[right] - profile.upto[left]
    between = profile.upto[left] + gap * share_of_interval(points, knots[left], knots[right])
    between = np.where(place == 0, 0.0, np.where(place > last, float(profile.finite), between))
    return np.where(hit, profile.below[right], between), np.where(hit, profile.upto[right], between)


def cdf_error(profile: NumericProfile) -> float:
    """Return the largest possible error of a profile's CDF, as a share: from merging (`rank_error`) and the gap between two knots.

    Examples
    --------
    >>> cdf_error(NumericProfile.from_values(np.array([1.0, 2.0, 2.0])))
    0.0
    """
    gap = int((profile.below[1:] - profile.upto[:-1]).max(initial=0))
    return (profile.rank_error + gap) / profile.finite if profile.finite else 0.0
