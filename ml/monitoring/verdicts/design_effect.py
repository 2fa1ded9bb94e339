"""Design effects: how much more the days of a baseline differ from each other than samples of one distribution.

Rows of a day often resemble each other (a day has one weather). Estimation from day profiles belongs here; the use of the design
effect in verdicts does not, it is in `plan.py` and `evidence.py`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from guard_core.project_settings.drift import DriftSettings
from ml.monitoring.distances.bins import reference_cuts
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.missing import missing_column, with_missing_columns
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import ColumnProfile, TableProfile, value_count

MINIMUM_DAYS = 5  # with fewer, the variation between days cannot be estimated
_CHANCE = 0.01

Counts = NDArray[np.float64]


def design_effects(
    days: Sequence[TableProfile], reference: TableProfile, settings: DriftSettings | None = None
) -> dict[str, float]:
    """Estimate the design effect of each column whose days differ by more than chance; absent columns have 1.

    The design effect is the factor by which the variance of a share exceeds that of independent rows [1]_: n rows in
    clusters are worth n / φ independent ones. With z_d = √n_d (p_d - q) / √q, p_d and q the shares of day d and of the whole
    baseline in the same cells, it is the largest eigenvalue of Σ z_d z_dᵀ / Σ (1 - n_d/m): the largest over all
    contrasts of the cells, with which Rao and Scott [2]_ bound χ². The mean of the eigenvalues would suffice for χ² if all were
    equal, but not for D or the Wasserstein distance of days that are shifted as a whole.

    Parameters
    ----------
    days : profiles of the baseline's local days.
    reference : their merge.
    settings : its `bins` are the number of cells; default settings if None.

    Returns
    -------
    φ > 1 by lake column and by derived column of missing values, for columns whose days differ by more than those of independent rows do in 99 % of cases.

    References
    ----------
    .. [1] L. Kish, "Survey Sampling", Wiley, 1965.
    .. [2] J. Rao and A. Scott, "On chi-squared tests for multiway contingency tables with cell proportions estimated from
       survey data", Ann. Statist. 12, 1984.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> def day(mean):
    ...     return TableProfile(500, {"feature_t": NumericProfile.from_values(rng.normal(mean, size=500))})
    >>> alike, weather = [day(0.0) for _ in range(28)], [day(rng.normal()) for _ in range(28)]
    >>> design_effects(alike, TableProfile.merge(alike))
    {}
    >>> round(design_effects(weather, TableProfile.merge(weather))["feature_t"])
    266
    """
    settings = settings or DriftSettings()
    effects = {}
    judged = [name for name in reference.columns if settings.judges(name)]
    days, reference = [with_missing_columns(day, judged) for day in days], with_missing_columns(reference, judged)
    for name in [*judged, *map(missing_column, judged)]:
        whole = reference.columns[name]
        by_day = [day.columns[name] for day in days if name in day.columns]
        cells = settings.override(name).bins or settings.bins
        effect = _design_effect([profile for profile in by_day if type(profile) is type(whole)], whole, cells)
        if effect > 1:
            effects[name] = effect
    return effects


def _design_effect(days: Sequence[ColumnProfile], reference: ColumnProfile, cells: int) -> float:
    m = value_count(reference)
    sizes = np.array([value_count(day) for day in days], np.float64)
    used = (sizes > 0) & (sizes < m)
    if used.sum() < MINIMUM_DAYS:
        return 1.0
    whole = _counts(reference, reference, cells)
    filled = whole > 0
    share = whole[filled] / m
    rows = np.array([_counts(day, reference, cells)[filled] for day, use in zip(days, used, strict=True) if use])
    n = sizes[used]
    deviations = (rows / n[:, np.newaxis] - share) * np.sqrt(n[:, np.newaxis] / share)
    freedom = float((1 - n / m).sum())
    chance = gammaincc(freedom * (share.size - 1) / 2, float(np.square(deviations).sum()) / 2)
    if share.size < 2 or chance > _CHANCE:
        return 1.0
    return float(np.linalg.norm(deviations, ord=2)) ** 2 / freedom


def _counts(profile: ColumnProfile, reference: ColumnProfile, cells: int) -> Counts:
    """Count rows by cell: bins of the reference, or its most frequent categories and all others together."""
    if isinstance(profile, NumericProfile) and isinstance(reference, NumericProfile):
        return reference_cuts(reference, cells).counts(profile)
    if isinstance(profile, CategoricalProfile) and isinstance(reference, CategoricalProfile):
        listed = [profile.counts.get(name, 0) for name in list(reference.counts)[: cells - 1]]
        return np.array([*listed, profile.non_null - sum(listed)], np.float64)
    raise TypeError("profiles: one is numeric and the other categorical; profile both with the same kind")
