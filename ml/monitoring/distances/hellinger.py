"""The Hellinger distance of two samples.

Cells are made in `cells.py`; thresholds and significance do not belong here, they are in `ml.monitoring.verdicts`.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from ml.monitoring.distances.bins import DEFAULT_BINS
from ml.monitoring.distances.cells import cells
from ml.monitoring.distances.shares import shares
from ml.monitoring.profiles.encoding import ColumnProfile


def hellinger(reference: ColumnProfile, current: ColumnProfile, bins: int = DEFAULT_BINS) -> float:
    """Return the Hellinger distance over the reference's quantile bins or categories.

    Parameters
    ----------
    reference, current : two numeric or two categorical profiles.
    bins : bins of a numeric column.

    Returns
    -------
    Distance from 0 (equal) to 1 (nothing in common).

    Raises
    ------
    TypeError
        If the kinds differ.
    ValueError
        If a side has no values.

    Examples
    --------
    >>> from ml.monitoring.profiles.numeric import NumericProfile
    >>> rng = np.random.default_rng(1)
    >>> one, two = (NumericProfile.from_values(rng.normal(mean, size=5000)) for mean in (0.0, 0.5))
    >>> round(hellinger(one, two), 3)
    0.178
    """
    both = cells(reference, current, bins)
    return hellinger_of_counts(both.reference, both.current)


def hellinger_of_counts(reference: ArrayLike, current: ArrayLike) -> float:
    """Return H = ‖√p - √q‖ / √2. It is finite with empty cells, so there is no smoothing.

    Parameters
    ----------
    reference, current : (k,) rows by cell.

    Returns
    -------
    Distance from 0 to 1 [1]_.

    Raises
    ------
    ValueError
        If the counts do not fit together or a side has no rows.

    References
    ----------
    .. [1] E. Hellinger, "Neue Begründung der Theorie quadratischer Formen von unendlichvielen Veränderlichen",
       J. reine angew. Math. 136, 1909.

    Examples
    --------
    >>> round(hellinger_of_counts([500, 300, 200, 0], [400, 300, 200, 100]), 10)
    0.2297529205
    """
    p, q = shares(reference, current)
    return min(math.sqrt(float(((np.sqrt(p) - np.sqrt(q)) ** 2).sum()) / 2), 1.0)
