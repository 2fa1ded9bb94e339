"""The unseen share: the part of the current sample that lies outside the reference.

Changes among values that the reference has do not belong here; the distances measure them.
"""

import numpy as np

from ml.monitoring.distances.bins import SAME_VALUE
from ml.monitoring.distances.categories import categorical_cells
from ml.monitoring.distances.cdf_difference import cumulative
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.encoding import ColumnProfile
from ml.monitoring.profiles.numeric import NumericProfile


def unseen_share(reference: ColumnProfile, current: ColumnProfile) -> float:
    """Return the share of current rows in unseen categories, or outside the reference's range of numbers.

    If the reference lists only its 1,000 most frequent categories, the rows that it does not list count as seen: the
    result is then the share by which the unlisted part has grown.

    Parameters
    ----------
    reference, current : two numeric or two categorical profiles with at least one value each.

    Returns
    -------
    Share from 0 to 1.

    Raises
    ------
    TypeError
        If the kinds differ.
    ValueError
        If a side has no values.

    Examples
    --------
    >>> one, two = CategoricalProfile(4, 0, {"a": 3, "b": 1}), CategoricalProfile(4, 0, {"a": 2, "b": 1, "c": 1})
    >>> unseen_share(one, two)
    0.25
    """
    if isinstance(reference, NumericProfile) and isinstance(current, NumericProfile):
        if not (reference.finite and current.finite):
            raise ValueError("profiles: no values to compare; give samples with at least one each")
        return sum(rows_outside(reference, current)) / current.finite
    if isinstance(reference, CategoricalProfile) and isinstance(current, CategoricalProfile):
        if not current.non_null:
            raise ValueError("profiles: no values to compare; give samples with at least one each")
        both = categorical_cells(reference, current)
        return max(float(both.current[-1]) / current.non_null - reference.other / reference.non_null, 0.0)
    raise TypeError("profiles: one is numeric and the other categorical; profile both with the same kind")


def rows_outside(reference: NumericProfile, current: NumericProfile) -> tuple[float, float]:
    """Count the current rows below and above the reference's range, which includes what differs from an end by rounding.

    Examples
    --------
    >>> one, two = (NumericProfile.from_values(np.array(v)) for v in ([0.1, 0.3], [0.0, 0.1 + 0.2, 0.4, 0.5]))
    >>> rows_outside(one, two)
    (1.0, 2.0)
    """
    ends = np.array([reference.minimum, reference.maximum])
    with np.errstate(over="ignore"):
        width = float(np.subtract(*ends[::-1]))
    step = np.maximum(SAME_VALUE * min(width, float(np.abs(ends).max())), 4 * np.spacing(np.abs(ends)))
    room = np.finfo(np.float64).max - np.abs(ends)
    below, upto = cumulative(current, ends + np.minimum(step, room) * [-1, 1])
    return float(below[0]), current.finite - float(upto[1])
