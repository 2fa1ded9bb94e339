"""The L-infinity distance of two samples: the largest change of a share.

Cells are made in `cells.py`; thresholds and significance do not belong here, they are in `ml.monitoring.verdicts`.
"""

import numpy as np
from numpy.typing import ArrayLike

from ml.monitoring.distances.bins import DEFAULT_BINS
from ml.monitoring.distances.cells import cells
from ml.monitoring.distances.shares import shares
from ml.monitoring.profiles.encoding import ColumnProfile


def l_infinity(reference: ColumnProfile, current: ColumnProfile, bins: int = DEFAULT_BINS) -> float:
    """Return the largest change of a share over the reference's categories (unseen ones together) or quantile bins.

    Parameters
    ----------
    reference, current : two numeric or two categorical profiles.
    bins : bins of a numeric column.

    Returns
    -------
    Change as a share, from 0 to 1.

    Raises
    ------
    TypeError
        If the kinds differ.
    ValueError
        If a side has no values.

    Examples
    --------
    >>> from ml.monitoring.profiles.categorical import CategoricalProfile
    >>> one, two = CategoricalProfile(4, 0, {"a": 3, "b": 1}), CategoricalProfile(4, 0, {"a": 2, "b": 1, "c": 1})
    >>> l_infinity(one, two)
    0.25
    """
    both = cells(reference, current, bins)
    return l_infinity_of_counts(both.reference, both.current)


def l_infinity_of_counts(reference: ArrayLike, current: ArrayLike) -> float:
    """Return L∞ = max |p - q|, the Chebyshev distance of two rows of shares.

    Parameters
    ----------
    reference, current : (k,) rows by cell.

    Returns
    -------
    Change as a share, from 0 to 1.

    Raises
    ------
    ValueError
        If the counts do not fit together or a side has no rows.

    Examples
    --------
    >>> round(l_infinity_of_counts([500, 300, 200, 0], [400, 300, 200, 100]), 12)
    0.1
    """
    p, q = shares(reference, current)
    return float(np.abs(p - q).max())
