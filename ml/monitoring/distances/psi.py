"""The population stability index of two samples.

Cells are made in `cells.py`; thresholds and significance do not belong here, they are in `ml.monitoring.verdicts`.
"""

import numpy as np
from numpy.typing import ArrayLike

from ml.monitoring.distances.bins import DEFAULT_BINS
from ml.monitoring.distances.cells import cells
from ml.monitoring.distances.shares import smoothed_shares
from ml.monitoring.profiles.encoding import ColumnProfile


def psi(reference: ColumnProfile, current: ColumnProfile, bins: int = DEFAULT_BINS) -> float:
    """Return the population stability index over the reference's quantile bins or categories.

    Parameters
    ----------
    reference, current : two numeric or two categorical profiles.
    bins : bins of a numeric column.

    Returns
    -------
    PSI in nats, 0 (equal) upwards.

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
    >>> round(psi(one, two), 3)
    0.256
    """
    both = cells(reference, current, bins)
    return psi_of_counts(both.reference, both.current)


def psi_of_counts(reference: ArrayLike, current: ArrayLike) -> float:
    """Return PSI = Σ (q - p) ln(q / p), with half a row added to each cell before the shares p and q are computed.

    Parameters
    ----------
    reference, current : (k,) rows by cell.

    Returns
    -------
    PSI in nats: the sum of both Kullback-Leibler divergences [1]_.

    Raises
    ------
    ValueError
        If the counts do not fit together or a side has no rows.

    References
    ----------
    .. [1] H. Jeffreys, "An invariant form for the prior probability in estimation problems", Proc. R. Soc. A 186, 1946.
       The name: N. Siddiqi, "Credit Risk Scorecards", Wiley, 2006.

    Examples
    --------
    >>> round(psi_of_counts([500, 500], [500, 500]), 12), round(psi_of_counts([999, 0], [499, 500]), 3)
    (0.0, 3.801)
    """
    p, q = smoothed_shares(reference, current)
    used = p > 0
    p, q = p[used], q[used]
    return float(((q - p) * np.log(q / p)).sum())
