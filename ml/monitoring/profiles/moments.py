"""Mean and sum of squared deviations, of a sorted array and of several parts combined.

Only the first two moments belong here; ranks do not, they are in `knots.py`.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

# Fits into the L1 and L2 caches, and is below the size from which OpenBLAS distributes a dot product over threads.
_CHUNK_VALUES = 8192
# Squares of larger values may overflow, so these are scaled by a power of two first.
_SQUARE_SAFE = 1e150


def sorted_moments(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the mean and the sum of squared deviations of finite values in ascending order.

    One pass over deviations from the median: the median is within one standard deviation of the mean, so the correction
    at the end never cancels more than half of the sum.

    Parameters
    ----------
    values : (n,) float64, ascending, finite.

    Returns
    -------
    (mean, m2) : both NaN without values; m2 is inf if the squares overflow.

    Examples
    --------
    >>> sorted_moments(np.array([1.0, 2.0, 6.0]))
    (3.0, 14.0)
    """
    if not values.size:
        return math.nan, math.nan
    low, high = float(values[0]), float(values[-1])
    if max(-low, high) <= _SQUARE_SAFE:
        mean, m2 = _shifted_moments(values)
    else:
        exponent = math.frexp(max(-low, high))[1]
        mean, m2 = _shifted_moments(np.ldexp(values, -exponent))
        mean, m2 = _ldexp(mean, exponent), _ldexp(m2, 2 * exponent)
    return min(max(mean, low), high), m2


def combined_moments(sizes: Sequence[int], means: Sequence[float], m2s: Sequence[float]) -> tuple[float, float]:
    """Combine the means and sums of squared deviations of parts (Chan, Golub and LeVeque 1979).

    The sums are exact before their final rounding, so the order of the parts does not matter.

    Parameters
    ----------
    sizes : values in each part, all positive.
    means, m2s : moments of each part.

    Returns
    -------
    (mean, m2) : both NaN without parts.

    Examples
    --------
    >>> combined_moments([2, 1], [1.5, 6.0], [0.5, 0.0])
    (3.0, 14.0)
    """
    total = sum(sizes)
    if not total:
        return math.nan, math.nan
    mean = float(sum(size * Fraction(part) for size, part in zip(sizes, means, strict=True)) / total)
    between = [size * (part - mean) * (part - mean) for size, part in zip(sizes, means, strict=True)]
    try:
        return mean, math.fsum([*m2s, *between])
    except OverflowError:
        return mean, math.inf


def _shifted_moments(values: NDArray[np.float64]) -> tuple[float, float]:
    shift = values[values.size // 2]
    deviations = np.empty(min(_CHUNK_VALUES, values.size))
    sums: list[float] = []
    squares: list[float] = []
    for start in range(0, values.size, _CHUNK_VALUES):
        chunk = values[start : start + _CHUNK_VALUES]
        part = deviations[: chunk.size]
        np.subtract(chunk, shift, out=part)
        sums.append(float(np.add.reduce(part)))
        squares.append(float(np.dot(part, part)))
    total = math.fsum(sums)
    mean_shift = total / values.size
    return float(shift) + mean_shift, max(math.fsum(squares) - total * mean_shift, 0.0)


def _ldexp(value: float, exponent: int) -> float:
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.copysign(math.inf, value)
