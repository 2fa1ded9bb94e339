"""Identifiers: columns whose values name rows, so that their distribution means nothing.

Other reasons for which a column is not judged are in `exclusions`.
"""

from typing import Final

import numpy as np

from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import EXACT_INTEGERS, LARGEST_INTEGER, NumericProfile
from ml.monitoring.profiles.table import ColumnProfile

_MINIMUM_VALUES: Final = 100
_DISTINCT: Final = 0.95
_STRETCHES: Final = 32
_EXPECTED_TIES: Final = 20.0


def is_identifier(reference: ColumnProfile, current: ColumnProfile) -> bool:
    """Return whether nearly all values of the reference are distinct, and not by chance.

    Strings are if 95 % of the listed values are distinct. Integers that are measured are often distinct, too, if their range is wide:
    they count as identifiers only where values of the same spread would have at least 20 ties, and have a tenth of them at most,
    or beyond 2⁵³. Ties between merged profiles are not known exactly, so integers are read where the profile is exact: in the
    reference, or else in the current sample.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> def numbers(values):
    ...     return NumericProfile.from_values(np.asarray(values, np.float64))
    >>> keys, amounts = numbers(range(5000)), numbers(rng.integers(0, 100_000, 5000))
    >>> is_identifier(keys, keys), is_identifier(amounts, amounts)
    (True, False)
    """
    if isinstance(reference, CategoricalProfile):
        listed = sum(reference.counts.values())
        return reference.non_null >= _MINIMUM_VALUES and len(reference.counts) >= _DISTINCT * listed
    if not isinstance(current, NumericProfile):
        return False
    exact = [profile for profile in (reference, current) if not profile.rank_error and profile.finite]
    return bool(exact) and all(map(_are_keys, exact))


def unseen_identifiers(reference: ColumnProfile, current: ColumnProfile) -> float | None:
    """Return the share of current values that the reference does not have; None if the profiles do not list all values.

    Examples
    --------
    >>> one, two = CategoricalProfile(2, 0, {"a": 1, "b": 1}), CategoricalProfile(4, 0, {"b": 1, "c": 1, "d": 1, "e": 1})
    >>> unseen_identifiers(one, two), unseen_identifiers(CategoricalProfile(9, 0, {"a": 1}, 8), two)
    (0.75, None)
    """
    if isinstance(reference, CategoricalProfile) and isinstance(current, CategoricalProfile):
        if reference.other:
            return None
        return 1 - sum(current.counts.get(name, 0) for name in reference.counts) / current.non_null
    if isinstance(reference, NumericProfile) and isinstance(current, NumericProfile):
        if not all(profile.lists_all_values and not profile.rank_error for profile in (reference, current)):
            return None
        unseen = ~np.isin(current.knots, reference.knots)
        return float((current.upto - current.below)[unseen].sum()) / current.finite
    return None


def describe_identifier(unseen: float | None) -> str:
    """Return the reason of the verdict on an identifier."""
    if unseen is None:
        share = "how many of today's values are not in the baseline is unknown, as its profile does not list all values"
    else:
        share = f"{unseen:.1%} of today's values are not in the baseline"
    return f"identifier, not judged: nearly all values of the baseline are distinct; {share}"


def _are_keys(profile: NumericProfile) -> bool:
    knots, rows = profile.knots, profile.upto - profile.below
    if profile.finite < _MINIMUM_VALUES or rows.mean() > 1 / _DISTINCT or not np.equal(knots, np.rint(knots)).all():
        return False
    if np.abs(knots).min() >= EXACT_INTEGERS and np.abs(knots).max() < LARGEST_INTEGER:
        return True
    ties = float((rows - 1).mean()) * profile.finite
    expected = _expected_ties(profile)
    return expected >= _EXPECTED_TIES and ties <= expected / 10


def _expected_ties(profile: NumericProfile) -> float:
    """Return the number of pairs of equal values, were they drawn from all integers of their stretch of the range."""
    with np.errstate(over="ignore"):
        widths = np.diff(profile.quantile(np.linspace(0, 1, _STRETCHES + 1)))
    rows = profile.finite / _STRETCHES
    return float((rows * rows / 2 / np.maximum(widths, 1.0)).sum())
