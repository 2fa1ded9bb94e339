"""The evidence on one column from two profiles: the deciding effect, its p-value, and all statistics of the kind.

Method and required rows do not belong here, they depend on the reference alone and are in `plan.py`; states are in `column_verdict.py`.
"""

import math
from dataclasses import dataclass

import numpy as np

from ml.monitoring.distances.bins import Cells
from ml.monitoring.distances.categories import categorical_cells
from ml.monitoring.distances.cdf_difference import step_difference
from ml.monitoring.distances.chi_square import chi_square_of_counts, cramers_v_of_counts
from ml.monitoring.distances.hellinger import hellinger_of_counts
from ml.monitoring.distances.jensen_shannon import jensen_shannon_of_counts
from ml.monitoring.distances.kolmogorov_smirnov import kolmogorov_smirnov_of_steps, kolmogorov_smirnov_p_value
from ml.monitoring.distances.l_infinity import l_infinity_of_counts
from ml.monitoring.distances.psi import psi_of_counts
from ml.monitoring.distances.unseen import rows_outside, unseen_share
from ml.monitoring.distances.wasserstein import in_deviations, trimmed_wasserstein_of_steps, wasserstein_of_steps
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.encoding import ColumnProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.verdicts.common_categories import categorical_p_value, unseen_categories_p_value
from ml.monitoring.verdicts.plan import CategoricalPlan, NumericPlan
from ml.monitoring.verdicts.significance import (
    MINIMUM_EXPECTED,
    combined_p_value,
    homogeneity_p_value,
    l_infinity_p_value,
    outside_p_value,
    unseen_p_value,
)

# A p-value is never 0; smaller ones underflow.
SMALLEST_P_VALUE = 1e-300


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of two profiles of a column.

    Attributes
    ----------
    effect : value of the deciding statistic.
    p_value : probability of a change at least as large if nothing has changed, for these sample sizes and the plan's design
        effect; small also if the unseen share alone is.
    unseen_p_value : the same for the unseen share, at its part of the error.
    statistics : all statistics of the kind, None if not finite; p-values among them assume independent rows.
    """

    effect: float
    p_value: float
    unseen_p_value: float
    statistics: dict[str, float | None]


def column_evidence(plan: NumericPlan | CategoricalPlan, reference: ColumnProfile, current: ColumnProfile) -> Evidence:
    """Compute effect, p-value and statistics of a column with values on both sides.

    Raises
    ------
    TypeError
        If the profiles are not both of the plan's kind.
    """
    if isinstance(plan, NumericPlan) and isinstance(reference, NumericProfile) and isinstance(current, NumericProfile):
        return _numeric(plan, reference, current)
    if isinstance(reference, CategoricalProfile) and isinstance(current, CategoricalProfile):
        return _categorical(plan.method, plan.design_effect, reference, current)
    raise TypeError("profiles: both must be of the plan's kind; profile both with the same kind")


def _numeric(plan: NumericPlan, reference: NumericProfile, current: NumericProfile) -> Evidence:
    cells = Cells(plan.reference_counts, plan.cuts.counts(current))
    difference = step_difference(reference, current)
    n, m, design_effect = current.finite, reference.finite, plan.design_effect
    distance = min(kolmogorov_smirnov_of_steps(difference), 1.0)
    raw = wasserstein_of_steps(difference)
    statistics = {
        **_binned_statistics(cells),
        "kolmogorov_smirnov": distance,
        "kolmogorov_smirnov_p_value": kolmogorov_smirnov_p_value(distance, n, m),
        "wasserstein": raw,
        "wasserstein_normalised": in_deviations(raw, math.sqrt(reference.m2 / m)),
        "wasserstein_trimmed": trimmed_wasserstein_of_steps(difference, plan.trimmed),
        "unseen_share": unseen_share(reference, current),
    }
    if plan.method == "kolmogorov_smirnov":
        effect = distance
        p_value = kolmogorov_smirnov_p_value(
            distance, max(round(n / design_effect), 1), max(round(m / design_effect), 1)
        )
    elif plan.null is not None:
        effect = statistics["wasserstein_trimmed"]
        p_value = plan.null.p_value(effect, n / design_effect, m / design_effect)
    else:
        effect = statistics[plan.method]
        p_value = homogeneity_p_value(
            cells.reference / design_effect, cells.current / design_effect, quantile_bins=not plan.cuts.discrete
        )
    if plan.has_empty_cells:
        unseen = unseen_p_value(cells.reference / design_effect, cells.current / design_effect)
    else:
        unseen = outside_p_value(*rows_outside(reference, current), n, m, design_effect)
    return _evidence(effect, p_value, unseen, statistics)


def _categorical(
    method: str, design_effect: float, reference: CategoricalProfile, current: CategoricalProfile
) -> Evidence:
    cells = categorical_cells(reference, current, MINIMUM_EXPECTED)
    test = chi_square_of_counts(cells.reference, cells.current)
    statistics = {
        **_binned_statistics(cells),
        "chi_square": test.statistic,
        "chi_square_p_value": test.p_value,
        "cramers_v": cramers_v_of_counts(cells.reference, cells.current),
        "l_infinity": l_infinity_of_counts(cells.reference, cells.current),
        "unseen_share": unseen_share(reference, current),
    }
    if method == "l_infinity":
        effect = statistics["l_infinity"]
        p_value = l_infinity_p_value(effect, cells.reference / design_effect, cells.current / design_effect)
    else:
        effect = statistics["cramers_v" if method == "chi_square" else method]
        p_value = categorical_p_value(reference, current, design_effect)
    unseen = unseen_categories_p_value(reference, current, design_effect)
    return _evidence(effect, p_value, unseen, statistics)


def _binned_statistics(cells: Cells) -> dict[str, float]:
    return {
        "psi": psi_of_counts(cells.reference, cells.current),
        "jensen_shannon": jensen_shannon_of_counts(cells.reference, cells.current),
        "hellinger": hellinger_of_counts(cells.reference, cells.current),
    }


def _evidence(effect: float, p_value: float, unseen: float, statistics: dict[str, float]) -> Evidence:
    finite = {name: float(value) if np.isfinite(value) else None for name, value in statistics.items()}
    combined, of_unseen = (min(max(combined_p_value(p, unseen), SMALLEST_P_VALUE), 1.0) for p in (float(p_value), 1.0))
    return Evidence(float(effect), combined, of_unseen, finite)
