"""Two profiles of a column over the same bins or categories, to look at.

The bins depend on the reference alone, as those of the distances do; deciding verdicts is `verdicts`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.monitoring.distances.cdf_difference import cumulative
from ml.monitoring.distances.unseen import unseen_share
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import EXACT_INTEGERS, NumericProfile

BINS = 24
CATEGORIES = 15
_TAIL = 0.005


@dataclass(frozen=True, slots=True)
class Histograms:
    """Values of two samples in the same bins.

    Attributes
    ----------
    edges : (k,) ascending; the first and the last bin are open-ended.
    reference, current : (k + 1,) values in each bin.
    """

    edges: Sequence[float]
    reference: Sequence[float]
    current: Sequence[float]


@dataclass(frozen=True, slots=True)
class CategoryCounts:
    """Values of two samples in the same categories.

    Attributes
    ----------
    names : categories of the reference, those that are most frequent in either sample first.
    reference, current : values in each of them.
    reference_other, current_other : values in the other categories of the reference.
    unseen : values of the current sample that the reference does not have.
    unseen_names, unseen_counts : the most frequent of them.
    """

    names: Sequence[str]
    reference: Sequence[int]
    current: Sequence[int]
    reference_other: int
    current_other: int
    unseen: int
    unseen_names: Sequence[str]
    unseen_counts: Sequence[int]


def histograms(reference: NumericProfile, current: NumericProfile | None = None, bins: int = BINS) -> Histograms:
    """Return histograms of equal bins.

    The width of a bin is a share of the range of the reference without its outer half percent on each side; no value of the
    current sample changes it. If the current sample lies outside that range, more bins of the same width follow, up to as many
    again on each side. Bins of values on a grid, such as whole
    numbers, all hold equally many of the grid's values.

    Parameters
    ----------
    reference : with at least one finite value.
    current : counts as empty if None.

    Raises
    ------
    ValueError
        If the reference has no finite value.

    Examples
    --------
    >>> one, two = (NumericProfile.from_values(np.array(v)) for v in ([0.0, 1.0, 2.0], [1.0, 4.0, 1e9]))
    >>> both = histograms(one, two, bins=4)
    >>> both.edges
    [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5]
    >>> both.reference, both.current
    ([0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0])
    """
    if not reference.finite:
        raise ValueError("reference: no finite values to cut bins from; choose a window that has some")
    edges = _edges(reference, current, bins)
    return Histograms(edges.tolist(), _binned(reference, edges), [] if current is None else _binned(current, edges))


def category_counts(
    reference: CategoricalProfile, current: CategoricalProfile, most: int = CATEGORIES
) -> CategoryCounts:
    """Return the values by category.

    If the reference lists only its most frequent categories, unlisted values of the current sample count as other up to the
    share that they have in the reference, as `unseen_share` counts them.

    Examples
    --------
    >>> one, two = CategoricalProfile(4, 0, {"a": 3, "b": 1}), CategoricalProfile(4, 0, {"a": 2, "b": 1, "c": 1})
    >>> both = category_counts(one, two, most=1)
    >>> both.names, both.current, both.current_other, both.unseen, both.unseen_names
    (['a'], [2], 1, 1, ['c'])
    """
    rows = max(current.non_null, 1)
    shares = {name: max(reference.share(name), current.counts.get(name, 0) / rows) for name in reference.counts}
    names = sorted(shares, key=lambda name: (-shares[name], name))[:most]
    before, now = ([profile.counts.get(name, 0) for name in names] for profile in (reference, current))
    unseen = round(unseen_share(reference, current) * current.non_null) if current.non_null else 0
    new = [(name, count) for name, count in current.counts.items() if name not in reference.counts]
    listed = [] if reference.other else new[:most]
    return CategoryCounts(
        names,
        before,
        now,
        reference.non_null - sum(before),
        current.non_null - sum(now) - unseen,
        unseen,
        [name for name, _ in listed],
        [count for _, count in listed],
    )


def _edges(reference: NumericProfile, current: NumericProfile | None, bins: int) -> NDArray[np.float64]:
    low, high = (float(value) for value in reference.quantile([_TAIL, 1 - _TAIL]))
    unit = _unit(reference)
    if unit:  # bins between the values of a grid: otherwise some hold two of them and others one
        origin = float(reference.knots[0])
        low, high = (
            origin + unit * round_to((value - origin) / unit)
            for round_to, value in ((math.floor, low), (math.ceil, high))
        )
        width = unit * max(1, math.ceil((high - low + unit) / (unit * bins)))
        low -= unit / 2
        count = max(1, math.ceil((high + unit / 2 - low) / width))
    else:
        width, count = high / bins - low / bins, bins
    if not (math.isfinite(width) and low + width > low):  # one value, or a range beyond what can be divided
        width, count = max(abs(low), 1.0) * 0.05, 1
        low -= width / 2
    before = after = 0
    if current is not None and current.finite:
        left, right = (float(value) for value in current.quantile([_TAIL, 1 - _TAIL]))
        before = math.ceil(min(max((low - left) / width, 0.0), bins))
        after = math.ceil(min(max((right - low) / width - count, 0.0), bins))
    with np.errstate(over="ignore"):
        edges: NDArray[np.float64] = low + width * np.arange(-before, count + after + 1, dtype=np.float64)
    return edges[np.isfinite(edges)]


def _unit(reference: NumericProfile) -> float:
    """Return the distance of the values if they lie on a grid, such as whole numbers; 0 if they do not."""
    knots = reference.knots
    if float(np.abs(knots).max()) < EXACT_INTEGERS and bool(np.equal(knots, np.rint(knots)).all()):
        return 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        gaps = np.diff(knots)
        multiples = gaps / gaps.min(initial=math.inf)
        is_grid = gaps.size > 0 and bool((np.abs(multiples - np.rint(multiples)) < 0.01).all())
    return float(gaps.min()) if is_grid else 0.0


def _binned(profile: NumericProfile, edges: NDArray[np.float64]) -> list[float]:
    """Count the values of each bin; a bin includes its upper edge, the first also all below, the last all above."""
    if not profile.finite:
        return [0.0] * (edges.size + 1)
    _, upto = cumulative(profile, edges)
    rows: list[float] = np.diff(np.concatenate([[0.0], upto, [profile.finite]])).clip(min=0.0).round(2).tolist()
    return rows
