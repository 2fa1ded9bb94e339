"""The methods that can decide a verdict, and the default effects from which they report a warning or a drift.

Only names and numbers; significance and effect are computed in `ml.monitoring.verdicts`.
"""

from dataclasses import dataclass
from typing import Literal, get_args

NumericMethod = Literal["psi", "kolmogorov_smirnov", "wasserstein", "jensen_shannon", "hellinger"]
CategoricalMethod = Literal["jensen_shannon", "psi", "chi_square", "l_infinity", "hellinger"]
Method = Literal["psi", "kolmogorov_smirnov", "wasserstein", "jensen_shannon", "hellinger", "chi_square", "l_infinity"]

NUMERIC_METHODS: tuple[str, ...] = get_args(NumericMethod)
CATEGORICAL_METHODS: tuple[str, ...] = get_args(CategoricalMethod)
METHODS: tuple[str, ...] = get_args(Method)

MAX_WINDOW_DAYS = 366
"""Length of the longest trailing window."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Effects from which a significant change is a warning or a drift, in the unit of the method."""

    warning: float
    drift: float


# 0.1 and 0.2 are the customary thresholds of PSI. The others correspond to the same shift of a normal distribution (0.32 and
# 0.45 standard deviations): near equality JS² = PSI/(8 ln 2) bits, H² = PSI/8, V² = PSI/4, D = 2Φ(shift/2) - 1.
DEFAULT_THRESHOLDS: dict[str, Thresholds] = {
    "psi": Thresholds(0.1, 0.2),
    "jensen_shannon": Thresholds(0.13, 0.19),
    "hellinger": Thresholds(0.11, 0.16),
    "chi_square": Thresholds(0.16, 0.22),
    "kolmogorov_smirnov": Thresholds(0.12, 0.17),
    "wasserstein": Thresholds(0.25, 0.35),
    "l_infinity": Thresholds(0.1, 0.2),
}
