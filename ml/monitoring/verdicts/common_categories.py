"""Counts of two categorical samples over one list of categories, for a test that is valid if profiles list only a part of them.

These cells depend on both samples. Cells for effects do not belong here; they depend on the reference alone and are in
`ml.monitoring.distances.categories`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.verdicts.significance import homogeneity_p_value, unseen_p_value

# A category that one list may lack by chance would be selected only if it is frequent on both sides, which biases the test. Four
# standard deviations above the rarest listed category no list can lack it.
LISTED_MARGIN = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class CommonCategories:
    """Rows of both samples by category, in the order of the names, which is independent of the rows."""

    reference: NDArray[np.float64]
    current: NDArray[np.float64]


def common_categories(reference: CategoricalProfile, current: CategoricalProfile) -> CommonCategories:
    """Count the rows by every category that either profile lists.

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
    """Return the probability of a difference at least as large if both samples have the same distribution, by Pearson's X².

    With a design effect φ, every count is divided by φ: it counts for so many fewer independent rows.

    If a profile lists only its 1,000 most frequent categories, only those are compared that both profiles would list if nothing
    had changed; all other rows form one cell.

    Examples
    --------
    >>> one, two = CategoricalProfile(200, 0, {"a": 100, "b": 100}), CategoricalProfile(100, 0, {"a": 90, "b": 10})
    >>> categorical_p_value(one, two) < 1e-9
    True
    """
    both = common_categories(reference, current)
    if not (reference.other or current.other):
        return homogeneity_p_value(both.reference / design_effect, both.current / design_effect)
    m, n = reference.non_null, current.non_null
    expected = (both.reference + both.current) / (m + n)
    compared = (expected * m >= _listed_above(reference)) & (expected * n >= _listed_above(current))
    first, second = both.reference[compared], both.current[compared]
    return homogeneity_p_value(
        np.append(first, m - first.sum()) / design_effect, np.append(second, n - second.sum()) / design_effect
    )


def unseen_categories_p_value(
    reference: CategoricalProfile, current: CategoricalProfile, design_effect: float = 1.0
) -> float:
    """Bound the probability of so many rows in unseen categories; 1 if the reference does not list all of its categories.

    Examples
    --------
    >>> one, two = CategoricalProfile(200, 0, {"a": 200}), CategoricalProfile(100, 0, {"a": 90, "b": 10})
    >>> unseen_categories_p_value(one, two) < 1e-4
    True
    """
    if reference.other:
        return 1.0
    both = common_categories(reference, current)
    return unseen_p_value(both.reference / design_effect, both.current / design_effect)


def _listed_above(profile: CategoricalProfile) -> float:
    """Return the expected rows from which a category is certain to be in the profile's list."""
    if not profile.other:
        return 0.0
    rarest = min(profile.counts.values(), default=0)
    return float(rarest + LISTED_MARGIN * rarest**0.5)
