"""The null distribution of the trimmed Wasserstein distance: the area under a Brownian bridge.

Its first two moments have a closed form; an inverse Gaussian distribution is fitted to them. The distance does not belong here, it
is in `ml.monitoring.distances.wasserstein`.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtr

from ml.monitoring.distances.wasserstein import TrimmedScale, trimmed_scale
from ml.monitoring.profiles.numeric import NumericProfile

GRID_POINTS = 128


@dataclass(frozen=True, slots=True)
class NullDistribution:
    """Null distribution of the trimmed distance times √(n m / (n + m)), an inverse Gaussian.

    Attributes
    ----------
    mean, shape : parameters of the distribution; its variance is mean³ / shape.
    """

    mean: float
    shape: float

    def p_value(self, distance: float, n: float, m: float) -> float:
        """Return the probability of a distance at least as large between samples of n and m rows of the reference's distribution."""
        return self._tail(distance * math.sqrt(n * m / (n + m)))

    def critical(self, alpha: float) -> float:
        """Return the value that is exceeded with probability alpha."""
        low, high = 0.0, self.mean
        while self._tail(high) > alpha:
            low, high = high, 2 * high
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if self._tail(middle) > alpha else (low, middle)
        return high

    def _tail(self, x: float) -> float:
        if x <= 0:
            return 1.0
        root, ratio = math.sqrt(self.shape / x), x / self.mean
        mirrored = math.exp(2 * self.shape / self.mean + float(log_ndtr(-root * (ratio + 1))))
        return max(float(ndtr(root * (1 - ratio))) - mirrored, 0.0)


def null_distribution(reference: NumericProfile, trimmed: TrimmedScale | None = None) -> NullDistribution | None:
    """Return the distribution of ∫ |B(F(x))| dx / s over the reference's trimmed range, B a Brownian bridge [1]_.

    With σ² = F(1 - F) and ρ the correlation of the bridge at x and y, the mean is √(2/π) ∫ σ dx and
    E|B(x)B(y)| = (2/π) σ(x) σ(y) (√(1 - ρ²) + ρ arcsin ρ), which gives the variance: no simulation, no seed. The skewness of
    the area is about three times its coefficient of variation, as for the inverse Gaussian (for a gamma distribution it is twice,
    which would turn one false alarm in a thousand into two). Far out the true tail is Gaussian and thinner: the test is
    conservative.

    Returns
    -------
    The distribution, or None if the trimmed reference is a single value, so that the distance has no unit.

    References
    ----------
    .. [1] E. del Barrio, E. Giné and C. Matrán, "Central limit theorems for the Wasserstein distance between the empirical
       and the true distributions", Ann. Probab. 27, 1999.

    Examples
    --------
    >>> values = np.random.default_rng(1).normal(size=20_000)
    >>> null = null_distribution(NumericProfile.from_values(values))
    >>> round(null.mean, 2), round(null.critical(0.001), 1)
    (1.24, 3.4)
    """
    trimmed = trimmed or trimmed_scale(reference)
    if trimmed.deviation == 0:
        return None
    points = np.unique(reference.quantile(np.linspace(0, 1, GRID_POINTS)).clip(trimmed.low, trimmed.high))
    widths = np.diff(trimmed.positions(points))
    left, right = reference.cdf(points[:-1]), reference.cdf_below(points[1:])
    share = (left + right) / 2 / reference.finite
    sigma = np.sqrt(share * (1 - share))
    used = (sigma > 0) & (widths > 0)
    share, weight = share[used], (sigma * widths)[used] / trimmed.deviation
    if not share.size:
        return None
    odds = np.sqrt(share / (1 - share))
    correlation = np.minimum(np.divide.outer(odds, odds), np.divide.outer(odds, odds).T)
    excess = np.sqrt(np.maximum(1 - correlation**2, 0)) + correlation * np.arcsin(np.minimum(correlation, 1)) - 1
    mean = math.sqrt(2 / math.pi) * float(weight.sum())
    variance = 2 / math.pi * float(weight @ excess @ weight)
    return NullDistribution(mean, mean**3 / variance)
