"""Rows required to detect an effect of the threshold's size: the n at which the critical value equals the threshold.

It depends on the reference alone, so that the choice of a window never depends on its content. Windows do not belong here; they are
chosen in `windows.py`.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainccinv, kolmogi, ndtri

from guard_core.project_settings.drift_methods import DEFAULT_THRESHOLDS
from ml.monitoring.verdicts.significance import MINIMUM_EXPECTED

_GRID = np.unique(np.geomspace(5, 1e9, 1000).astype(np.int64)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class SampleSize:
    """Rows that a verdict requires.

    Attributes
    ----------
    current : rows of the current sample; None if no number is enough with this reference.
    reference : rows of a reference with which some number is enough; the size of this one if it is large enough.
    """

    current: int | None
    reference: int

    def clustered(self, design_effect: float, m: int) -> "SampleSize":
        """Convert independent rows to rows of which `design_effect` are worth one; m is the reference's size."""
        if self.current is None:
            return SampleSize(None, math.ceil(self.reference * design_effect))
        return SampleSize(math.ceil(self.current * design_effect), m)


def chi_square_scale(method: str, threshold: float) -> float:
    """Convert the threshold of a binned method to the scale on which its null distribution is (1/n + 1/m) χ² to second order.

    Examples
    --------
    >>> [round(chi_square_scale(m, t), 2) for m, t in (("psi", 0.2), ("jensen_shannon", 0.19), ("hellinger", 0.16))]
    [0.2, 0.2, 0.2]
    """
    if method == "psi":
        return threshold
    factor = {"jensen_shannon": 8 * math.log(2), "hellinger": 8.0, "chi_square": 4.0}[method]
    return factor * threshold**2


def equivalent_psi(method: str, threshold: float) -> float:
    """Convert the threshold of any method to the PSI of the same effect; the default thresholds of all methods are equivalent.

    Examples
    --------
    >>> round(equivalent_psi("hellinger", 0.16), 2), round(equivalent_psi("wasserstein", 0.7), 2)
    (0.2, 0.8)
    """
    if method in {"kolmogorov_smirnov", "wasserstein", "l_infinity"}:
        psi, default = DEFAULT_THRESHOLDS["psi"].drift, DEFAULT_THRESHOLDS[method].drift
        return psi * (threshold / default) ** 2
    return chi_square_scale(method, threshold)


def rows_for_bins(cells: int, scale: float, alpha: float, m: int) -> SampleSize:
    """Return the rows at which the χ² statistic of so many cells exceeds the threshold with probability alpha.

    Examples
    --------
    >>> rows_for_bins(10, 0.2, 0.005 / 20, m=1000)
    SampleSize(current=187, reference=1000)
    """
    if cells < 2:
        return SampleSize(1, m)
    return _from_noise(scale / (2 * float(gammainccinv((cells - 1) / 2, alpha))), m)


def rows_for_kolmogorov_smirnov(threshold: float, alpha: float, m: int) -> SampleSize:
    """Return the rows at which Kolmogorov's critical distance equals the threshold.

    Examples
    --------
    >>> rows_for_kolmogorov_smirnov(0.17, 0.005 / 20, m=1000)
    SampleSize(current=185, reference=1000)
    """
    return _from_noise((threshold / float(kolmogi(alpha))) ** 2, m)


def rows_for_wasserstein(threshold: float, critical: float, m: int) -> SampleSize:
    """Return the rows at which the critical area under the bridge (`null_distribution.NullDistribution.critical`) equals the threshold.

    Examples
    --------
    >>> rows_for_wasserstein(0.35, 3.5, m=1000)
    SampleSize(current=112, reference=1000)
    """
    return _from_noise((threshold / critical) ** 2, m)


def rows_for_categories(shares: NDArray[np.float64], scale: float, alpha: float, m: int) -> SampleSize:
    """Return the rows as `rows_for_bins`, with rare categories pooled as at each n.

    Examples
    --------
    >>> rows_for_categories(np.array([0.5, 0.3, 0.2]), 0.2, 0.005 / 20, m=1000)
    SampleSize(current=91, reference=1000)
    """
    if shares.size < 2:
        return SampleSize(1, m)
    n = _GRID
    current = _first(_noise_of_categories(shares, np.minimum(n, m), alpha) * (1 / n + 1 / m) <= scale)
    if current is not None:
        return SampleSize(current, m)
    reference = _first(_noise_of_categories(shares, n, alpha) / n <= scale)
    return SampleSize(None, reference or int(n[-1]))


def rows_for_l_infinity(shares: NDArray[np.float64], threshold: float, alpha: float, m: int) -> SampleSize:
    """Return the rows at which the critical change of a share equals the threshold.

    Examples
    --------
    >>> rows_for_l_infinity(np.array([0.5, 0.3, 0.2]), 0.2, 0.005 / 20, m=1000)
    SampleSize(current=136, reference=1000)
    """
    z2 = float(ndtri(alpha / (2 * max(shares.size, 1)))) ** 2
    variance = float((shares * (1 - shares)).max(initial=0.0))
    n = _GRID
    skew = threshold / 3
    current = _first(z2 * (variance * (1 / n + 1 / m) + skew * np.maximum(1 / n, 1 / m)) <= threshold**2)
    if current is not None:
        return SampleSize(current, m)
    reference = _first(z2 * (variance + skew) / n <= threshold**2)
    return SampleSize(None, reference or int(n[-1]))


def _noise_of_categories(shares: NDArray[np.float64], rows: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Return the critical χ² by sample size; infinite if all rows are pooled into one cell."""
    order = np.sort(shares)
    rare = np.searchsorted(order, MINIMUM_EXPECTED / rows)
    rare_share = np.concatenate([[0.0], np.cumsum(order)])[rare]
    cells = shares.size - rare + np.floor(rare_share * rows / MINIMUM_EXPECTED)
    distinct, place = np.unique(cells, return_inverse=True)
    critical = np.where(distinct < 2, np.inf, 2 * gammainccinv(np.maximum(distinct - 1, 1) / 2, alpha))
    noise: NDArray[np.float64] = critical[place]
    return noise


def _from_noise(noise: float, m: int) -> SampleSize:
    """Return the rows at which 1/n + 1/m is at most `noise`."""
    left = noise - 1 / m
    if left > 0:
        return SampleSize(math.ceil(1 / left), m)
    return SampleSize(None, math.floor(1 / noise) + 1)


def _first(enough: NDArray[np.bool_]) -> int | None:
    index = int(np.argmax(enough))
    return int(_GRID[index]) if enough[index] else None
