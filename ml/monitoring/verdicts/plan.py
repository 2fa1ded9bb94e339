"""Plans of how to judge a column: method, thresholds, bins and required rows, from its reference and the settings alone.

The current sample does not belong here; it is compared in `evidence.py`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from guard_core.project_settings.drift import ColumnOverride, DriftSettings
from guard_core.project_settings.drift_methods import CATEGORICAL_METHODS, NUMERIC_METHODS, Method, Thresholds
from ml.monitoring.distances.bins import Cuts, reference_cuts
from ml.monitoring.distances.wasserstein import TrimmedScale, trimmed_scale
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.verdicts.null_distribution import NullDistribution, null_distribution
from ml.monitoring.verdicts.sample_size import (
    SampleSize,
    chi_square_scale,
    rows_for_bins,
    rows_for_categories,
    rows_for_kolmogorov_smirnov,
    rows_for_l_infinity,
    rows_for_wasserstein,
)
from ml.monitoring.verdicts.significance import UNSEEN_SHARE_OF_ALPHA


@dataclass(frozen=True, slots=True, eq=False)
class NumericPlan:
    """How a numeric column is judged.

    Attributes
    ----------
    method, thresholds : the deciding statistic and its thresholds.
    note : why the configured method does not decide; empty if it does.
    minimum_rows : rows below which a column is not tested.
    design_effect : rows that are worth one independent row (`design_effect.py`).
    needed : rows required to detect an effect of the drift threshold's size.
    cuts, reference_counts : the bins and the reference's rows in them.
    has_empty_cells : whether there are cells without reference rows, so that unseen values need a separate test.
    trimmed : range and unit of the trimmed Wasserstein distance.
    null : null distribution of the trimmed Wasserstein distance, if it decides.
    """

    method: str
    thresholds: Thresholds
    note: str
    minimum_rows: int
    design_effect: float
    needed: SampleSize
    cuts: Cuts
    reference_counts: NDArray[np.float64]
    has_empty_cells: bool
    trimmed: TrimmedScale
    null: NullDistribution | None


@dataclass(frozen=True, slots=True, eq=False)
class CategoricalPlan:
    """How a categorical column is judged; attributes as in `NumericPlan`."""

    method: str
    thresholds: Thresholds
    note: str
    minimum_rows: int
    design_effect: float
    needed: SampleSize


def numeric_plan(
    reference: NumericProfile, settings: DriftSettings, column: str, alpha: float, design_effect: float
) -> NumericPlan:
    """Plan the judgement of a numeric column whose reference has values.

    Parameters
    ----------
    alpha : error rate of this column alone: its share of the model's.
    """
    override = settings.override(column)
    method, note = _method(override, settings.numeric_method, NUMERIC_METHODS, "numeric")
    trimmed = _trimmed(reference)
    null = null_distribution(reference, trimmed) if method == "wasserstein" else None
    if method == "wasserstein" and null is None:
        method, note = "psi", "wasserstein has no unit where the reference is a single value: judged by psi"
    thresholds = _thresholds(override, settings, method, as_configured=not note)
    cuts, counts = _bins(reference, override.bins or settings.bins)
    filled = int((counts > 0).sum())
    has_empty_cells = filled < counts.size
    m = _independent(reference.finite, design_effect)
    if null is not None:
        needed = rows_for_wasserstein(thresholds.drift, null.critical(alpha), m)
    elif method == "kolmogorov_smirnov":
        needed = rows_for_kolmogorov_smirnov(thresholds.drift, alpha, m)
    else:
        level = alpha * (1 - UNSEEN_SHARE_OF_ALPHA) if has_empty_cells else alpha
        needed = rows_for_bins(filled, chi_square_scale(method, thresholds.drift), level, m)
    needed = needed.clustered(design_effect, reference.finite)
    rows = override.minimum_rows or settings.minimum_rows
    return NumericPlan(
        method, thresholds, note, rows, design_effect, needed, cuts, counts, has_empty_cells, trimmed, null
    )


def categorical_plan(
    reference: CategoricalProfile, settings: DriftSettings, column: str, alpha: float, design_effect: float
) -> CategoricalPlan:
    """Plan the judgement of a categorical column whose reference has values; parameters as in `numeric_plan`."""
    override = settings.override(column)
    method, note = _method(override, settings.categorical_method, CATEGORICAL_METHODS, "categorical")
    thresholds = _thresholds(override, settings, method, as_configured=not note)
    m = _independent(reference.non_null, design_effect)
    counts = np.fromiter(reference.counts.values(), np.float64, len(reference.counts))
    shares = (np.append(counts, reference.other) if reference.other else counts) / reference.non_null
    if method == "l_infinity":
        needed = rows_for_l_infinity(shares, thresholds.drift, alpha, m)
    else:
        level = alpha * (1 - UNSEEN_SHARE_OF_ALPHA)
        needed = rows_for_categories(shares, chi_square_scale(method, thresholds.drift), level, m)
    needed = needed.clustered(design_effect, reference.non_null)
    rows = override.minimum_rows or settings.minimum_rows
    return CategoricalPlan(method, thresholds, note, rows, design_effect, needed)


def _independent(rows: int, design_effect: float) -> int:
    return max(round(rows / design_effect), 1)


# A baseline is the reference of many days and windows, so what depends on it alone is cached (profiles are immutable and hashed by identity).
@lru_cache(maxsize=1024)
def _bins(reference: NumericProfile, bins: int) -> tuple[Cuts, NDArray[np.float64]]:
    cuts = reference_cuts(reference, bins)
    return cuts, cuts.counts(reference)


@lru_cache(maxsize=1024)
def _trimmed(reference: NumericProfile) -> TrimmedScale:
    return trimmed_scale(reference)


def _method(override: ColumnOverride, default: Method, fitting: tuple[str, ...], kind: str) -> tuple[Method, str]:
    if override.method is None or override.method in fitting:
        return override.method or default, ""
    return default, f"{override.method} does not apply to a {kind} column: judged by {default}"


def _thresholds(
    override: ColumnOverride, settings: DriftSettings, method: Method, *, as_configured: bool
) -> Thresholds:
    """Return the thresholds of the column's override, unless another method than its configured one decides."""
    default = settings.thresholds_of(method)
    if not as_configured:
        return default
    drift = default.drift if override.drift is None else override.drift
    warning = min(default.warning, drift) if override.warning is None else override.warning
    return Thresholds(warning, max(drift, warning))
