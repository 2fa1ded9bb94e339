"""Evaluation of empirical CDFs given at their knots: counts at values, values at ranks, and merging.

Between two knots the mass is spread linearly. Choosing knots does not belong here; it is in `knots.py`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml.monitoring.profiles.knots import Counts, Floats, Steps, merged_knots


def counts_at(steps: Steps, points: Floats, at_knot: Counts) -> Floats:
    """Estimate the number of values up to each point.

    Parameters
    ----------
    steps : the CDF, possibly empty.
    points : any shape; NaN gives NaN.
    at_knot : (k,) the count where a point is a knot: `steps.upto` for <=, `steps.below` for <.

    Examples
    --------
    >>> steps = Steps(np.array([0.0, 10.0]), np.array([0, 5]), np.array([1, 6]))
    >>> counts_at(steps, np.array([-1.0, 0.0, 5.0, 11.0]), steps.upto).tolist()
    [0.0, 1.0, 3.0, 6.0]
    """
    if not steps.knots.size:
        return np.where(np.isnan(points), np.nan, 0.0)
    left, right, gap = _interval(steps, points)
    share = share_of_interval(points, steps.knots[left], steps.knots[right])
    counts = np.where(gap > 0, steps.upto[left] + share * gap, steps.upto[left])
    counts = np.where(points == steps.knots[left], at_knot[left], counts)
    return np.where(np.isnan(points), np.nan, np.where(points < steps.knots[0], 0.0, counts))


def values_at_ranks(steps: Steps, ranks: Floats) -> Floats:
    """Estimate order statistics, linearly between ranks.

    A knot spans the ranks of its ties; the values in a gap are evenly spaced between its two knots.

    Parameters
    ----------
    steps : the CDF, not empty.
    ranks : any shape, from 0 (the smallest value) to n - 1.

    Examples
    --------
    >>> steps = Steps(np.array([0.0, 10.0]), np.array([0, 5]), np.array([1, 6]))
    >>> values_at_ranks(steps, np.array([0.0, 1.0, 5.0])).tolist()
    [0.0, 2.0, 10.0]
    """
    knot_ranks = np.column_stack([steps.below, steps.upto - 1]).ravel()
    values = np.repeat(steps.knots, 2)
    left = np.maximum(np.searchsorted(knot_ranks, ranks, side="right") - 1, 0)
    right = np.minimum(left + 1, knot_ranks.size - 1)
    weight = (ranks - knot_ranks[left]) / np.maximum(knot_ranks[right] - knot_ranks[left], 1)
    between: Floats = values[left] * (1.0 - weight) + values[right] * weight
    clipped: Floats = np.clip(between, values[left], values[right])
    return clipped


def merged_steps(parts: Sequence[Steps]) -> tuple[Steps, int]:
    """Merge several CDFs; each is evaluated in whole rows at common knots.

    Parameters
    ----------
    parts : none of them empty; no parts make an empty CDF.

    Returns
    -------
    (steps, gap_error) : the merged CDF, and the largest possible error of interpolating between the parts' knots; 0 if every
        part holds all its distinct values.

    Examples
    --------
    >>> wide = Steps(np.array([0.0, 10.0]), np.array([0, 5]), np.array([1, 6]))
    >>> narrow = Steps(np.array([5.0]), np.array([0]), np.array([1]))
    >>> steps, gap_error = merged_steps([wide, narrow])
    >>> steps.upto.tolist(), gap_error
    ([1, 4, 7], 2)
    """
    if not parts:
        return Steps(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64)), 0
    knots = merged_knots(parts)
    below, upto, error = (np.zeros(knots.size, dtype=np.int64) for _ in range(3))
    for part in parts:
        left, right, gap = _interval(part, knots)
        share = share_of_interval(knots, part.knots[left], part.knots[right])
        into_gap = np.rint(share * gap).astype(np.int64)
        at_knot = part.knots[left] == knots
        before = knots < part.knots[0]
        counts = np.where(before, 0, part.upto[left] + np.where(at_knot, 0, into_gap))
        upto += counts
        below += np.where(at_knot, part.below[left], counts)
        error += np.where(at_knot | before, 0, np.maximum(into_gap, gap - into_gap))
    return Steps(knots, below, upto), int(error.max())


def share_of_interval(points: Floats, low: Floats | float, high: Floats | float) -> Floats:
    """Return the position of each point between low and high, from 0 to 1; 0 if they are equal.

    Neither the width of the interval, which may exceed the largest number, nor the slope, whose inverse may be below the smallest, is
    computed: every interpolation of a CDF goes through here.

    Examples
    --------
    >>> share_of_interval(np.array([-1.0, 1.0, 9.0]), 0.0, 4.0).tolist()
    [0.0, 0.25, 1.0]
    >>> share_of_interval(np.array([0.0]), -1.7e308, 1.7e308).tolist(), share_of_interval(np.array([5e-324]), 0.0, 1e-323).tolist()
    ([0.5], [0.5])
    """
    with np.errstate(over="ignore"):
        width = np.subtract(high, low)
    inside = np.clip(points, low, high)
    if np.isinf(width).any():
        scale = np.where(np.isinf(width), 0.5, 1.0)
        inside, low, high = inside * scale, low * scale, high * scale
        width = np.subtract(high, low)
    shares: Floats = (inside - low) / np.where(width > 0, width, 1.0)
    return shares


def _interval(steps: Steps, points: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], Counts]:
    """Return the knots around each point (outside, the first or last one twice) and the number of values strictly between them."""
    left = np.maximum(np.searchsorted(steps.knots, points, side="right") - 1, 0)
    right = np.minimum(left + 1, steps.knots.size - 1)
    return left, right, np.where(left < right, steps.below[right] - steps.upto[left], 0)
