"""The chart of a column from two profiles: both distributions over each other.

Cells that are wide enough to see belong here; those of the verdicts do not, they are in `ml.monitoring.distances`.
"""

import math
from collections import Counter

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from ml.charts.distributions import category_bars, histogram
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import ColumnProfile, value_count
from ml.reports.sentences import readable

_BINS = 40
_CATEGORIES = 12
_NAME_LENGTH = 80
_TAIL = 0.005
Edges = NDArray[np.float64]


def column_chart(label: str, reference: ColumnProfile | None, current: ColumnProfile | None) -> Markup:
    """Return both distributions of a column; nothing if it has two kinds, or no value on either side.

    Of a numeric column, 0.5 % of the values at either end are drawn in the outermost bin if they are far away.
    """
    profiles = [profile for profile in (reference, current) if profile is not None]
    if not any(map(value_count, profiles)):
        return Markup("")
    numeric = [profile for profile in profiles if isinstance(profile, NumericProfile)]
    if not numeric:
        return _categories(label, *map(_counts, (reference, current)))
    if len(numeric) < len(profiles):
        return Markup("")
    values = np.unique(np.concatenate([profile.knots for profile in numeric]))
    if len(values) <= _CATEGORIES:
        return category_bars(
            label, [f"{value:g}" for value in values], *(_at(side, values) for side in (reference, current))
        )
    edges = _edges(numeric, values)
    if edges is None:
        return Markup("")
    return histogram(label, edges.tolist(), *(_shares(side, edges) for side in (reference, current)))


def _categories(label: str, reference: Counter[str], current: Counter[str]) -> Markup:
    """Draw the categories with the largest share on either side, and all others as one."""
    rows = [max(side.total(), 1) for side in (reference, current)]

    def share(name: str) -> float:
        return max(reference[name] / rows[0], current[name] / rows[1])

    names = sorted(reference | current, key=lambda name: (-share(name), name))
    shown, rest = names[:_CATEGORIES], names[_CATEGORIES:]
    sides = [
        [*(side[name] / total for name in shown), *([sum(side[name] for name in rest) / total] if rest else [])]
        for side, total in zip((reference, current), rows, strict=True)
    ]
    others = [f"{len(rest):,} others"] if rest else []
    return category_bars(label, [*(readable(name, _NAME_LENGTH) for name in shown), *others], *sides)


def _counts(profile: ColumnProfile | None) -> Counter[str]:
    if not isinstance(profile, CategoricalProfile):
        return Counter()
    rest = {"values beyond the most frequent": profile.other} if profile.other else {}
    return Counter({**profile.counts, **rest})


def _at(profile: ColumnProfile | None, values: Edges) -> list[float]:
    """Return the share of each of all distinct values."""
    if not isinstance(profile, NumericProfile) or not profile.finite:
        return [0.0] * len(values)
    return list((profile.cdf(values) - profile.cdf_below(values)) / profile.finite)


def _edges(profiles: list[NumericProfile], values: Edges) -> Edges | None:
    """Return edges of equal bins over the range in which both profiles have nearly all values; None if floats cannot hold them."""
    filled = [profile for profile in profiles if profile.finite]
    low = min(float(profile.quantile(_TAIL)) for profile in filled)
    high = max(float(profile.quantile(1 - _TAIL)) for profile in filled)
    near = (high - low) / 4
    low, high = (
        float(end) if abs(end - core) <= near else core for end, core in ((values[0], low), (values[-1], high))
    )
    if not math.isfinite(high - low):
        return None
    if (values == np.round(values)).all() and high - low < 2**31:
        # Otherwise some bins would hold more integers than others.
        width = math.ceil((high - low + 1) / _BINS)
        return np.asarray(math.floor(low) - 0.5 + width * np.arange(math.ceil((high - low + 1) / width) + 1))
    edges = np.linspace(low, high, _BINS + 1)
    return edges if (np.diff(edges) > 0).all() else None


def _shares(profile: ColumnProfile | None, edges: Edges) -> list[float]:
    if not isinstance(profile, NumericProfile) or not profile.finite:
        return [0.0] * (len(edges) - 1)
    counts = np.concatenate([[0.0], profile.cdf(edges[1:-1]), [profile.finite]])
    return list(np.diff(counts) / profile.finite)
