"""Cells of a numeric column: bin edges from the reference alone, rows of both profiles in each bin.

Categories are in `categories.py`; distances over the cells are one file each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.monitoring.distances.steps import cumulative
from ml.monitoring.profiles.numeric import NumericProfile

DEFAULT_BINS = 10
HEAVY_ATOM_BINS = 2.0  # a value that holds the mass of two bins gets a bin of its own


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
    """Where a numeric axis is cut, from one reference.

    Attributes
    ----------
    at : (c,) ascending values; the axis has c + 1 intervals, the first and the last are open-ended.
    inclusive : (c,) whether the value itself belongs to the interval below the cut.
    discrete : whether each distinct value of the reference is a cell and everything between them one cell "elsewhere".
    """

    at: NDArray[np.float64]
    inclusive: NDArray[np.bool_]
    discrete: bool

    def counts(self, profile: NumericProfile) -> NDArray[np.float64]:
        """Rows of a profile by cell; the last cell of a discrete axis is "elsewhere"."""
        if not profile.finite:
            return np.zeros(self.at.size // 2 + 1 if self.discrete else self.at.size + 1)
        below, upto = cumulative(profile, self.at)
        ends = np.empty(self.at.size + 2)
        ends[0], ends[1:-1], ends[-1] = 0.0, np.where(self.inclusive, upto, below), profile.finite
        rows = np.maximum(ends[1:] - ends[:-1], 0.0)
        return np.append(rows[1::2], rows[::2].sum()) if self.discrete else rows


def reference_cuts(reference: NumericProfile, bins: int = DEFAULT_BINS) -> Cuts:
    """Cuts at the reference's quantiles, safe with ties.

    A reference with no more than `bins` distinct values gets one cell a value, and one for everything else. Otherwise the
    cuts are the distinct quantiles at 1/bins, 2/bins, …: right-closed, open-ended at both ends, so that no value of any
    later sample moves an edge or falls outside. A value that holds the mass of two bins or more is a cell of its own: rows
    that leave a heap of zeros downwards would otherwise stay unseen in its bin.

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
    if knots.size <= bins and np.array_equal(reference.below[1:], reference.upto[:-1]):
        return Cuts(np.repeat(knots, 2), np.tile([False, True], knots.size), discrete=True)
    edges = np.unique(reference.quantile(np.arange(1, bins) / bins))
    below, upto = cumulative(reference, edges)
    heavy = (upto - below) >= HEAVY_ATOM_BINS * reference.finite / bins
    kept = heavy | (edges < reference.maximum)
    if not heavy.any():
        return Cuts(edges[kept], np.ones(int(kept.sum()), dtype=np.bool_), discrete=False)
    at = np.concatenate([edges[heavy], edges[kept]])
    inclusive = np.concatenate([np.zeros(int(heavy.sum()), dtype=np.bool_), np.ones(int(kept.sum()), dtype=np.bool_)])
    order = np.lexsort((inclusive, at))
    return Cuts(at[order], inclusive[order], discrete=False)


def numeric_cells(reference: NumericProfile, current: NumericProfile, bins: int = DEFAULT_BINS) -> Cells:
    """Rows of both profiles in bins that the reference alone decides.

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
