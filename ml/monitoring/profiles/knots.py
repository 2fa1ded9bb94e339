"""Choice of the values of a sample that become the knots of its empirical CDF, with the exact counts there.

Functions over plain arrays belong here; the profile does not, it is in `numeric.py`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_KNOTS = 1001
_FIRST_BLOCK = 4 * MAX_KNOTS
_BLOCK = 1 << 16

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class Steps(NamedTuple):
    """An empirical CDF: ascending knots, and the number of values < and <= each."""

    knots: Floats
    below: Counts
    upto: Counts


def sorted_steps(values: Floats) -> Steps:
    """Return the knots of finite values in ascending order, with exact counts.

    These are all distinct values if there are at most 1,001; otherwise the values at 1,001 evenly spaced ranks. Those ranks are at
    most n/1000 apart, so the smallest, the largest and every value that holds a thousandth of the mass are among them.

    Parameters
    ----------
    values : (n,) float64, ascending, finite.

    Examples
    --------
    >>> steps = sorted_steps(np.array([1.0, 1.0, 5.0]))
    >>> steps.knots.tolist(), steps.below.tolist(), steps.upto.tolist()
    ([1.0, 5.0], [0, 2], [2, 3])
    """
    starts = _distinct_starts(values)
    if starts is not None:
        return Steps(values[starts] + 0.0, starts, np.append(starts, values.size)[1:].astype(np.int64))
    candidates = values[_even_ranks(values.size)]
    knots = candidates[np.flatnonzero(np.append(True, candidates[1:] != candidates[:-1]))]
    below = np.searchsorted(values, knots, side="left").astype(np.int64)
    upto = np.searchsorted(values, knots, side="right").astype(np.int64)
    return Steps(knots + 0.0, below, upto)  # + 0.0 turns -0.0 into 0.0: equal values, equal bytes


def merged_knots(parts: Sequence[Steps]) -> Floats:
    """Return knots for several CDFs merged: all of their knots if these are at most 1,001, else evenly spaced ones by estimated rank.

    The estimate assigns half of the mass between two knots of a part to each of them. The smallest and the largest knot and
    every knot with a thousandth of the known mass are kept.

    Parameters
    ----------
    parts : at least one, none of them empty.

    Examples
    --------
    >>> one, two = sorted_steps(np.array([1.0, 2.0])), sorted_steps(np.array([2.0, 3.0]))
    >>> merged_knots([one, two]).tolist()
    [1.0, 2.0, 3.0]
    """
    pooled = np.concatenate([part.knots for part in parts])
    knots, place = np.unique(pooled, return_inverse=True)
    if knots.size <= MAX_KNOTS:
        return knots
    # Doubled counts keep the halves of odd gaps whole, and so make the choice independent of the parts' order.
    before = np.concatenate([np.append(0, part.below[1:] - part.upto[:-1]) for part in parts])
    after = np.concatenate([np.append(part.below[1:] - part.upto[:-1], 0) for part in parts])
    at = np.concatenate([2 * (part.upto - part.below) for part in parts])
    before, at, after = (_sum_by(place, mass, knots.size) for mass in (before, at, after))
    end = np.cumsum(before + at + after) - after
    begin = end - at
    total = int(end[-1])
    ranks = 2 * _even_ranks(total // 2)
    right = np.minimum(np.searchsorted(end, ranks, side="right"), knots.size - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(begin[right] - ranks <= ranks - end[left], right, left)
    chosen = np.zeros(knots.size, dtype=bool)
    chosen[nearest] = True
    return knots[chosen]


def _distinct_starts(values: Floats) -> Counts | None:
    """Return where each distinct value starts; None if there are more than 1,001, which usually shows in the first block."""
    starts = [np.zeros(min(values.size, 1), dtype=np.int64)]
    distinct, start, block = starts[0].size, 1, _FIRST_BLOCK
    while start < values.size:
        end = min(start + block, values.size)
        changes = np.flatnonzero(values[start:end] != values[start - 1 : end - 1])
        distinct += changes.size
        if distinct > MAX_KNOTS:
            return None
        starts.append(changes + start)
        start, block = end, _BLOCK
    return np.concatenate(starts).astype(np.int64, copy=False)


def _even_ranks(size: int) -> Counts:
    return np.arange(MAX_KNOTS, dtype=np.int64) * (size - 1) // (MAX_KNOTS - 1)


def _sum_by(place: NDArray[np.intp], mass: Counts, size: int) -> Counts:
    sums = np.zeros(size, dtype=np.int64)
    np.add.at(sums, place, mass)
    return sums
