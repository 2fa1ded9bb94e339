"""How a column will be judged, from its reference and the settings alone: method, thresholds, bins, rows that it takes.

Nothing here looks at the current sample; that is `evidence.py`'s part.
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
from ml.monitoring.verdicts.bridge import NullLaw, null_law
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
    method, thresholds : what decides.
    note : why another method decides than was asked for; empty otherwise.
    minimum_rows : rows below which nothing is said.
    design_effect : rows that say as much as one independent row would (`design_effect.py`).
    needed : rows that it takes to see the drift threshold.
    cuts, reference_counts : the bins and the reference's rows in them.
    has_empty_cells : whether there are cells without reference rows, so that unseen values need a test of their own.
    trimmed : the range and the unit of the trimmed Wasserstein distance.
    law : the law of the trimmed Wasserstein distance, where that decides.
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
    law: NullLaw | None


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
    """Plan of a numeric column whose reference has values.

    Parameters
    ----------
    alpha : error rate of this column alone, the model's share of it.
    """
    override = settings.override(column)
    method, note = _method(override, settings.numeric_method, NUMERIC_METHODS, "numeric")
    trimmed = _trimmed(reference)
    law = null_law(reference, trimmed) if method == "wasserstein" else None
    if method == "wasserstein" and law is None:
        method, note = "psi", "wasserstein has no unit where the reference is a single value: judged by psi"
    thresholds = _thresholds(override, settings, method, asked=not note)
    cuts, counts = _bins(reference, override.bins or settings.bins)
    filled = int((counts > 0).sum())
    has_empty_cells = filled < counts.size
    m = _independent(reference.finite, design_effect)
    if law is not None:
        needed = rows_for_wasserstein(thresholds.drift, law.critical(alpha), m)
    elif method == "kolmogorov_smirnov":
        needed = rows_for_kolmogorov_smirnov(thresholds.drift, alpha, m)
    else:
        level = alpha * (1 - UNSEEN_SHARE_OF_ALPHA) if has_empty_cells else alpha
        needed = rows_for_bins(filled, chi_square_scale(method, thresholds.drift), level, m)
    needed = needed.clustered(design_effect, reference.finite)
    rows = override.minimum_rows or settings.minimum_rows
    return NumericPlan(
        method, thresholds, note, rows, design_effect, needed, cuts, counts, has_empty_cells, trimmed, law
    )


def categorical_plan(
    reference: CategoricalProfile, settings: DriftSettings, column: str, alpha: float, design_effect: float
) -> CategoricalPlan:
    """Plan of a categorical column whose reference has values; parameters as in `numeric_plan`."""
    override = settings.override(column)
    method, note = _method(override, settings.categorical_method, CATEGORICAL_METHODS, "categorical")
    thresholds = _thresholds(override, settings, method, asked=not note)
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


# A baseline is judged against day after day: what follows from it alone is kept (profiles are immutable, keyed by identity).
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


def _thresholds(override: ColumnOverride, settings: DriftSettings, method: Method, *, asked: bool) -> Thresholds:
    """The column's own thresholds, unless they were meant for another method than the one that decides."""
    usual = settings.thresholds_of(method)
    if not asked:
        return usual
    drift = usual.drift if override.drift is None else override.drift
    warning = min(usual.warning, drift) if override.warning is None else override.warning
    return Thresholds(warning, max(drift, warning))
