"""Two categorical samples in one list of categories, fit for a test whatever the profiles no longer tell apart.

The cells that effects are measured on follow the reference (`ml.monitoring.distances.categories`); these here follow both samples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.verdicts.significance import category_p_value, combined_p_value, homogeneity_p_value, unseen_p_value

# A category that could be missing from one list by chance would be kept only when it is frequent on both sides, which is
# no fair choice; four standard deviations above the rarest listed one it cannot be.
LISTED_MARGIN = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class CommonCategories:
    """Rows of both samples by category, in the order of the names, which does not depend on the rows."""

    reference: NDArray[np.float64]
    current: NDArray[np.float64]


def common_categories(reference: CategoricalProfile, current: CategoricalProfile) -> CommonCategories:
    """Rows by every category that either profile lists.

    Examples
    --------
    >>> both = common_categories(CategoricalProfile(2, 0, {"b": 2}), CategoricalProfile(3, 0, {"a": 3}))
    >>> both.reference.tolist(), both.current.tolist()
    ([0.0, 2.0], [3.0, 0.0])
    """
    names = sorted(reference.counts.keys() | current.counts.keys())
    return CommonCategories(
        np.array([reference.counts.get(name, 0) for name in names], dtype=np.float64),
        np.array([current.counts.get(name, 0) for name in names], dtype=np.float64),
    )


def categorical_p_value(
    reference: CategoricalProfile, current: CategoricalProfile, design_effect: float = 1.0
) -> float:
    """Chance of categories that differ as much when nothing has changed.

    With a design effect every count stands for that many times fewer independent rows.

    Where a profile lists only its 1,000 most frequent categories, those are compared that both would list if nothing had
    changed; all other rows form one cell. What is unseen can then only be told if the reference lists everything.

    Examples
    --------
    >>> one, two = CategoricalProfile(200, 0, {"a": 100, "b": 100}), CategoricalProfile(100, 0, {"a": 90, "b": 10})
    >>> categorical_p_value(one, two) < 1e-9
    True
    """
    both = common_categories(reference, current)
    if not (reference.other or current.other):
        return category_p_value(both.reference / design_effect, both.current / design_effect)
    m, n = reference.non_null, current.non_null
    expected = (both.reference + both.current) / (m + n)
    kept = (expected * m >= _listed_above(reference)) & (expected * n >= _listed_above(current))
    first, second = both.reference[kept], both.current[kept]
    homogeneous = homogeneity_p_value(
        np.append(first, m - first.sum()) / design_effect, np.append(second, n - second.sum()) / design_effect
    )
    unseen = 1.0 if reference.other else unseen_p_value(both.reference / design_effect, both.current / design_effect)
    return combined_p_value(homogeneous, unseen)


def _listed_above(profile: CategoricalProfile) -> float:
    """Expected rows from which a category is in the profile's list for certain."""
    if not profile.other:
        return 0.0
    rarest = min(profile.counts.values(), default=0)
    return float(rarest + LISTED_MARGIN * rarest**0.5)
