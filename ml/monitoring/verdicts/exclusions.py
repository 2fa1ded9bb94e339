"""Columns on which no verdict is possible, by what their reference shows.

Columns that settings switch off do not belong here; neither do shortages of rows, they are in `column_verdict`.
"""

import numpy as np

from ml.monitoring.profiles.numeric import EXACT_INTEGERS, LARGEST_INTEGER, NumericProfile
from ml.monitoring.profiles.table import ColumnProfile

_ENOUGH_STEPS = 100  # ten for each of ten bins
_TAIL = 0.005


def hidden_by_rounding(reference: ColumnProfile) -> str | None:
    """Return why a change between integers beyond 2⁵³ could stay unseen; None if it could not.

    Rounding keeps the order of values: it may hide a change, and never makes one. Numbers beyond 64 bits are no integers that were
    rounded.

    Examples
    --------
    >>> def reason(values):
    ...     return hidden_by_rounding(NumericProfile.from_values(np.array(values, np.float64)))
    >>> reason([2**60 + 256 * n for n in range(50)])[:66]
    'cannot be judged: integers beyond 2^53 are rounded to multiples of'
    >>> reason([2**60 + 2**40 * n for n in range(50)]), reason([1e300]), reason([7.0])
    (None, None, None)
    """
    if not (isinstance(reference, NumericProfile) and reference.finite):
        return None
    largest = max(abs(reference.minimum), abs(reference.maximum))
    if not EXACT_INTEGERS <= largest < LARGEST_INTEGER:
        return None
    low, high = reference.quantile([_TAIL, 1 - _TAIL]).tolist()
    step = float(np.spacing(largest))
    if high - low >= _ENOUGH_STEPS * step:
        return None
    return (
        f"cannot be judged: integers beyond 2^53 are rounded to multiples of {step:.0f}, and those of the reference span"
        f" {high - low:.0f}; send their difference from a fixed number"
    )
