"""Cells of two profiles of either kind, for the binned distances.

How the cells of one kind are made does not belong here; it is in `bins.py` and `categories.py`.
"""

from ml.monitoring.distances.bins import DEFAULT_BINS, Cells, numeric_cells
from ml.monitoring.distances.categories import categorical_cells
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.encoding import ColumnProfile
from ml.monitoring.profiles.numeric import NumericProfile


def cells(reference: ColumnProfile, current: ColumnProfile, bins: int = DEFAULT_BINS) -> Cells:
    """Count the rows of both profiles in cells that depend on the reference alone; `bins` applies to numbers only.

    Raises
    ------
    TypeError
        If one profile is numeric and the other categorical.
    ValueError
        If the reference has no values, or bins is below 2.

    Examples
    --------
    >>> one, two = CategoricalProfile(2, 0, {"a": 2}), CategoricalProfile(3, 0, {"b": 3})
    >>> cells(one, two).current.tolist()
    [0.0, 0.0, 3.0]
    """
    if isinstance(reference, NumericProfile) and isinstance(current, NumericProfile):
        return numeric_cells(reference, current, bins)
    if isinstance(reference, CategoricalProfile) and isinstance(current, CategoricalProfile):
        return categorical_cells(reference, current)
    raise TypeError("profiles: one is numeric and the other categorical; profile both with the same kind")
