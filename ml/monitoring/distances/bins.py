"""Cells of a numeric column: bin edges from the reference alone, rows of both profiles in each bin.

Categories do not belong here, they are in `categories.py`; neither do distances, each in a file of its own.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ml.monitoring.distances.cdf_difference import cumulative
from ml.monitoring.profiles.numeric import NumericProfile

DEFAULT_BINS = 10
SAME_VALUE = 1e-9  # relative difference up to which two floats are one value: 0.3 and 0.30000000000000004
HEAVY_ATOM_BINS = 2.0  # a value with the mass of two bins becomes a cell of its own


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Rows of two samples in the same cells.

    Attributes
    ----------
    reference, current : (k,) float64, rows by cell. Current rows may lie in cells where the reference has none.
    """

    reference: NDArray[np.float64]
    current: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """Cut points of a numeric axis, from one reference.

    Attributes
    ----------
    at : (c,) ascending cut points; the axis has c + 1 intervals, the first and the last are open-ended. They lie `SAME_VALUE`
        beside the reference's values, so that one that was serialised again stays in its interval.
    inclusive : (c,) whether the cut point itself belongs to the interval below it.
    discrete : whether each distinct value of the reference is a cell, and all other values are one cell "elsewhere".
    """

    at: NDArray[np.float64]
    inclusive: NDArray[np.bool_]
    discrete: bool

    def counts(self, profile: NumericProfile) -> NDArray[np.float64]:
        """Return the rows of a profile by cell; the last cell of a discrete axis is "elsewhere"."""
        if not profile.finite:
            return np.zeros(self.at.size // 2 + 1 if self.discrete else self.at.size + 1)
        below, upto = cumulative(profile, self.at)
        ends = np.empty(self.at.size + 2)
        ends[0], ends[1:-1], ends[-1] = 0.0, np.where(self.inclusive, upto, below), profile.finite
        rows = np.maximum(ends[1:] - ends[:-1], 0.0)
        return np.append(rows[1::2], rows[::2].sum()) if self.discrete else rows


# A baseline is the reference on many days and windows: profiles are immutable and hashed by identity.
@lru_cache(maxsize=1024)
def reference_cuts(reference: NumericProfile, bins: int = DEFAULT_BINS) -> Cuts:
    """Return cuts at the reference's quantiles; ties are handled.

    A reference with no more than `bins` distinct values has one cell a value, and one for everything else. Otherwise the
    cuts are the distinct quantiles at 1/bins, 2/bins, …: right-closed, open-ended at both ends, so that no value of any
    later sample moves an edge or falls outside. A value with the mass of two bins or more is a cell of its own: rows
    that move from a heap of zeros to smaller values would otherwise stay in its bin, undetected.

    Parameters
    ----------
    reference : profile with at least one finite value.
    bins : largest number of cells with reference rows; at least 2.

    Raises
    ------
    ValueError
        If bins is below 2 or the reference has no finite value.

    Examples
    --------
    >>> values = np.random.default_rng(1).normal(size=1000)
    >>> reference_cuts(NumericProfile.from_values(values), bins=4).at.round(1).tolist()
    [-0.7, -0.0, 0.6]
    >>> reference_cuts(NumericProfile.from_values(np.array([0.0, 0.0, 1.0]))).discrete
    True
    """
    if bins < 2:
        raise ValueError(f"bins: must be at least 2, got {bins}")
    if not reference.finite:
        raise ValueError("reference: no finite values to cut bins from; choose a window that has some")
    knots = reference.knots
    if knots.size <= bins and reference.lists_all_values:
        return _cuts_beside(np.repeat(knots, 2), np.tile([False, True], knots.size), knots, discrete=True)
    edges = np.unique(reference.quantile(np.arange(1, bins) / bins))
    below, upto = cumulative(reference, edges)
    heavy = (upto - below) >= HEAVY_ATOM_BINS * reference.finite / bins
    inner = heavy | (edges < reference.maximum)
    if not heavy.any():
        return _cuts_beside(edges[inner], np.ones(int(inner.sum()), dtype=np.bool_), knots, discrete=False)
    at = np.concatenate([edges[heavy], edges[inner]])
    inclusive = np.concatenate([np.zeros(int(heavy.sum()), dtype=np.bool_), np.ones(int(inner.sum()), dtype=np.bool_)])
    order = np.lexsort((inclusive, at))
    return _cuts_beside(at[order], inclusive[order], knots, discrete=False)


def _cuts_beside(
    values: NDArray[np.float64], inclusive: NDArray[np.bool_], knots: NDArray[np.float64], *, discrete: bool
) -> Cuts:
    """Return cuts just above the values that belong to the interval below, and just below the others."""
    left = knots[np.maximum(np.searchsorted(knots, values, side="left") - 1, 0)]
    right = knots[np.minimum(np.searchsorted(knots, values, side="right"), knots.size - 1)]
    # Halved before they are subtracted: the range may exceed the largest number. At most a quarter of the way to the next knot.
    to_left, to_right = values / 2 - left / 2, right / 2 - values / 2
    room = np.minimum(*(np.where(gap > 0, gap / 2, np.inf) for gap in (to_left, to_right)))
    step = np.minimum(np.minimum(SAME_VALUE * np.abs(values), room), np.finfo(np.float64).max - np.abs(values))
    return Cuts(values + np.where(inclusive, step, -step), inclusive, discrete)


def numeric_cells(reference: NumericProfile, current: NumericProfile, bins: int = DEFAULT_BINS) -> Cells:
    """Count the rows of both profiles in bins that depend on the reference alone.

    Raises
    ------
    ValueError
        If bins is below 2 or the reference has no finite value.

    Examples
    --------
    >>> one, two = (NumericProfile.from_values(np.array(v)) for v in ([0.0, 0.0, 1.0], [0.0, 2.0, 1e9]))
    >>> cells = numeric_cells(one, two)
    >>> cells.reference.tolist(), cells.current.tolist()
    ([2.0, 1.0, 0.0], [1.0, 0.0, 2.0])
    """
    cuts = reference_cuts(reference, bins)
    return Cells(cuts.counts(reference), cuts.counts(current))
