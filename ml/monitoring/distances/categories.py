"""Cells of a categorical column: the reference's categories, its rare ones pooled, unseen ones in "other".

Bins of numbers do not belong here, they are in `bins.py`; neither do distances, each in a file of its own.
"""

import numpy as np

from ml.monitoring.distances.bins import Cells
from ml.monitoring.profiles.categorical import CategoricalProfile


def categorical_cells(
    reference: CategoricalProfile, current: CategoricalProfile, minimum_expected: float = 0.0
) -> Cells:
    """Count the rows of both profiles by category of the reference, then rare, then other.

    The last cell, "other", holds what the reference does not list: unseen categories, and on each side the rows that a
    profile of more than 1,000 categories does not list by category. The cell before it pools the reference's categories of
    which the current sample would hold fewer than `minimum_expected` rows if nothing had changed.

    Parameters
    ----------
    reference, current : profiles with at least one value each.
    minimum_expected : rows; 0 pools nothing.

    Raises
    ------
    ValueError
        If the reference has no values.

    Examples
    --------
    >>> cells = categorical_cells(CategoricalProfile(3, 0, {"a": 2, "b": 1}), CategoricalProfile(3, 1, {"a": 1, "c": 1}))
    >>> cells.reference.tolist(), cells.current.tolist()
    ([2.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0])
    """
    if not reference.non_null:
        raise ValueError("reference: no values to take categories from; choose a window that has some")
    listed = np.fromiter(reference.counts.values(), dtype=np.float64, count=len(reference.counts))
    current_rows = np.fromiter(
        (current.counts.get(name, 0) for name in reference.counts), np.float64, len(reference.counts)
    )
    frequent = listed / reference.non_null * current.non_null >= minimum_expected
    other = reference.other, current.non_null - current_rows.sum()
    return Cells(
        np.concatenate([listed[frequent], [listed[~frequent].sum(), other[0]]]),
        np.concatenate([current_rows[frequent], [current_rows[~frequent].sum(), other[1]]]),
    )
