"""Shares from rows by cell, with the checks and the smoothing that all binned distances have in common.

Making cells does not belong here, it is in `bins.py` and `categories.py`; neither do distances.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

SMOOTHING_ROWS = (
    0.5  # Krichevsky and Trofimov: half a row in every cell keeps logarithms finite at the smallest known cost
)


def checked_counts(reference: ArrayLike, current: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two aligned rows of counts as float64, or raise an error if they are not valid.

    Parameters
    ----------
    reference, current : (k,) rows by cell, the same cells in the same order; fractions are allowed (interpolated counts).

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or not finite, or one side has no rows at all.

    Examples
    --------
    >>> checked_counts([1, 0], [2, 2])
    (array([1., 0.]), array([2., 2.]))
    """
    first, second = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"counts: give two rows of the same cells, got shapes {first.shape} and {second.shape}")
    for name, counts in (("reference", first), ("current", second)):
        total = counts.sum()
        if not np.isfinite(total) or (counts.size and counts.min() < 0):
            raise ValueError(f"{name}: counts must be finite and not negative")
        if not total > 0:
            raise ValueError(f"{name}: no values to compare; give a sample with at least one")
    return first, second


def shares(reference: ArrayLike, current: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the observed shares p (reference) and q (current); an empty cell has share 0.

    Examples
    --------
    >>> shares([1, 3, 0], [1, 0, 1])
    (array([0.25, 0.75, 0.  ]), array([0.5, 0. , 0.5]))
    """
    first, second = checked_counts(reference, current)
    return first / first.sum(), second / second.sum()


def smoothed_shares(reference: ArrayLike, current: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return shares with half a row added to each cell and renormalised, so that they are positive and sum to 1.

    Cells that are empty on both sides carry no information and stay at 0.

    Examples
    --------
    >>> p, q = smoothed_shares([9, 0], [4, 5])
    >>> p.tolist(), q.tolist()
    ([0.95, 0.05], [0.45, 0.55])
    """
    first, second = checked_counts(reference, current)
    extra = SMOOTHING_ROWS * ((first > 0) | (second > 0))
    first, second = first + extra, second + extra
    return first / first.sum(), second / second.sum()
