"""Noise bounds: the effect that an unchanged column stays below by chance, at the sizes of a verdict.

It is the critical value of the method whose null distribution the verdict uses; whether an effect is significant is decided in
`verdicts.column_verdict`, by its p-value.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainccinv, kolmogi, ndtri

from guard_core.project_settings.drift import DriftSettings
from ml.monitoring.distances.bins import reference_cuts
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import ColumnProfile, value_count
from ml.monitoring.verdicts.null_distribution import null_distribution
from ml.monitoring.verdicts.sample_size import chi_square_scale
from ml.monitoring.verdicts.significance import MINIMUM_EXPECTED

_MAX_EFFECT: Final = {"jensen_shannon": 1.0, "hellinger": 1.0, "chi_square": 1.0, "cramers_v": 1.0}
_MISSING_CELLS: Final = 2  # cells: missing or not


@dataclass(frozen=True, slots=True)
class NoiseBound:
    """The noise of one column against its reference.

    Attributes
    ----------
    reference : the column in the baseline, with values.
    bins : bins of a numeric column.
    alpha : probability that chance alone exceeds the bound: the column's share of the model's error rate.
    """

    reference: ColumnProfile
    bins: int
    alpha: float

    @classmethod
    def of(
        cls, name: str, reference: ColumnProfile | None, settings: DriftSettings, columns: int
    ) -> "NoiseBound | None":
        """Return the noise of a column that shares the error rate with others; None if the reference has no values."""
        if reference is None or not value_count(reference):
            return None
        bins = settings.override(name).bins or settings.bins
        return cls(reference, bins, settings.alpha / max(columns, 1))

    def effect(
        self, method: str, n: int, m: int, design_effect: float = 1.0, about: Literal["values", "missing"] = "values"
    ) -> float | None:
        """Return the effect that an unchanged column exceeds with probability alpha.

        To second order, PSI, 8 ln 2 JS² (bits), 8 H² and 4 V² of k cells are (1/n + 1/m) times a χ²(k - 1) variable [1]_. D and the
        Wasserstein distance are √(1/n + 1/m) times the maximum of, and the area under, a Brownian bridge. A change of a share is
        normal with Bernstein's correction, bounded over all cells.

        Parameters
        ----------
        n, m : values in the window and in the reference.
        design_effect : values that are worth one independent value.
        about : what the effect compares: the values, or whether they are missing.

        Returns
        -------
        Effect in the unit of the method; None if its null distribution is not known for this column, as that of the unseen share.

        References
        ----------
        .. [1] T. Read and N. Cressie, "Goodness-of-Fit Statistics for Discrete Multivariate Data", Springer, 1988.

        Examples
        --------
        >>> reference = NumericProfile.from_values(np.random.default_rng(1).normal(size=10_000))
        >>> bound = NoiseBound(reference, bins=10, alpha=0.001)
        >>> [round(bound.effect(method, 1000, 10_000), 3) for method in ("psi", "kolmogorov_smirnov")]
        [0.031, 0.065]
        >>> bound.effect("unseen_share", 1000, 10_000)
        """
        if n < 1 or m < 1:
            return None
        noise = design_effect * (1 / n + 1 / m)
        if method == "l_infinity":
            skew = design_effect * max(1 / n, 1 / m)
            return self._change_of_a_share(noise, skew) if about == "values" else None
        if method in {"kolmogorov_smirnov", "wasserstein"}:
            return self._distance(method, noise) if about == "values" else None
        if method in {"psi", *_MAX_EFFECT}:
            return self._of_cells(method, _MISSING_CELLS if about == "missing" else self._cells(n), noise)
        return None

    def _of_cells(self, method: str, cells: int, noise: float) -> float | None:
        if cells < 2:
            return None
        scale = 2 * float(gammainccinv((cells - 1) / 2, self.alpha)) * noise
        if method == "psi":
            return scale
        unit = chi_square_scale("chi_square" if method == "cramers_v" else method, 1.0)
        return min(math.sqrt(scale / unit), _MAX_EFFECT[method])

    def _distance(self, method: str, noise: float) -> float | None:
        if not isinstance(self.reference, NumericProfile):
            return None
        if method == "kolmogorov_smirnov":
            return min(float(kolmogi(self.alpha)) * math.sqrt(noise), 1.0)
        critical = _critical_area(self.reference, self.alpha)
        return None if critical is None else critical * math.sqrt(noise)

    def _change_of_a_share(self, noise: float, skew: float) -> float | None:
        """Return the root of d² = z² (π(1 - π) noise + d skew / 3)."""
        if not isinstance(self.reference, CategoricalProfile):
            return None
        shares = _shares(self.reference)
        z2 = float(ndtri(self.alpha / (2 * shares.size))) ** 2
        half = z2 * skew / 6
        return min(half + math.sqrt(half**2 + z2 * noise * float((shares * (1 - shares)).max())), 1.0)

    def _cells(self, n: int) -> int:
        """Return the number of cells whose rows the effect compares, those without reference rows left out."""
        if isinstance(self.reference, NumericProfile):
            return int((reference_cuts(self.reference, self.bins).counts(self.reference) > 0).sum())
        rare = _shares(self.reference) * n < MINIMUM_EXPECTED
        return int((~rare).sum()) + bool(rare.any())


@lru_cache(maxsize=16)  # of one reference for many days; profiles are hashed by identity
def _critical_area(reference: NumericProfile, alpha: float) -> float | None:
    null = null_distribution(reference)
    return None if null is None else null.critical(alpha)


def _shares(reference: CategoricalProfile) -> NDArray[np.float64]:
    rows = [*reference.counts.values(), *([reference.other] if reference.other else [])]
    return np.asarray(rows, np.float64) / reference.non_null
