"""The Jensen-Shannon distance of two samples.

Cells are made in `cells.py`; thresholds and significance do not belong here, they are in `ml.monitoring.verdicts`.
"""

import math

from numpy.typing import ArrayLike
from scipy.special import xlogy

from ml.monitoring.distances.bins import DEFAULT_BINS
from ml.monitoring.distances.cells import cells
from ml.monitoring.distances.shares import shares
from ml.monitoring.profiles.encoding import ColumnProfile


def jensen_shannon(reference: ColumnProfile, current: ColumnProfile, bins: int = DEFAULT_BINS) -> float:
    """Return the Jensen-Shannon distance, base 2, over the reference's quantile bins or categories.

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
    >>> import numpy as np
    >>> from ml.monitoring.profiles.numeric import NumericProfile
    >>> rng = np.random.default_rng(1)
    >>> one, two = (NumericProfile.from_values(rng.normal(mean, size=5000)) for mean in (0.0, 0.5))
    >>> round(jensen_shannon(one, two), 3)
    0.212
    """
    both = cells(reference, current, bins)
    return jensen_shannon_of_counts(both.reference, both.current)


def jensen_shannon_of_counts(reference: ArrayLike, current: ArrayLike) -> float:
    """Return JS = √(½ KL(p‖m) + ½ KL(q‖m)), m = (p + q)/2, in bits.

    It is finite with empty cells, so there is no smoothing.

    Parameters
    ----------
    reference, current : (k,) rows by cell.

    Returns
    -------
    Distance from 0 to 1: the square root of the divergence [1]_, which is a metric [2]_.

    Raises
    ------
    ValueError
        If the counts do not fit together or a side has no rows.

    References
    ----------
    .. [1] J. Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37, 1991.
    .. [2] D. Endres and J. Schindelin, "A new metric for probability distributions", IEEE Trans. Inf. Theory 49, 2003.

    Examples
    --------
    >>> round(jensen_shannon_of_counts([500, 300, 200, 0], [400, 300, 200, 100]), 7)
    0.2324129
    """
    p, q = shares(reference, current)
    middle = (p + q) / 2
    used = middle > 0
    p, q, middle = p[used], q[used], middle[used]
    nats = (xlogy(p, p / middle).sum() + xlogy(q, q / middle).sum()) / 2
    return math.sqrt(max(float(nats), 0.0) / math.log(2))
