"""The profile of one numeric column: moments and an empirical CDF with exact counts at its knots.

Building from values, merging and evaluating belong here; distances between two profiles do not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ml.monitoring.profiles.arrays import ArrowColumn, float_values
from ml.monitoring.profiles.cdf import counts_at, merged_steps, values_at_ranks
from ml.monitoring.profiles.knots import MAX_KNOTS, Steps, sorted_steps
from ml.monitoring.profiles.moments import combined_moments, sorted_moments

__all__ = ["EXACT_INTEGERS", "LARGEST_INTEGER", "MAX_KNOTS", "NumericProfile"]

EXACT_INTEGERS = 2.0**53
"""Integers from here on are rounded when they are read as float64."""
LARGEST_INTEGER = 2.0**64
"""Integers of 64 bits are below: larger numbers are no integers that were rounded."""


@dataclass(frozen=True, slots=True, eq=False)
class NumericProfile:
    """Summary of one numeric column.

    Attributes
    ----------
    count : rows, nulls and non-finite values included.
    nulls, non_finite : null rows; NaN or infinite rows. Neither enters the CDF or the moments.
    mean, m2, minimum, maximum : moments of the finite values (m2 = sum of squared deviations); NaN if there are none.
    knots : (k,) float64, strictly ascending, k <= 1001; all distinct values if there are no more than that.
    below, upto : (k,) int64, number of finite values < and <= each knot.
    rank_error : largest possible absolute error of `below` and `upto`; 0 for a profile of values.
    """

    count: int
    nulls: int
    non_finite: int
    mean: float
    m2: float
    minimum: float
    maximum: float
    knots: NDArray[np.float64]
    below: NDArray[np.int64]
    upto: NDArray[np.int64]
    rank_error: int = 0

    @classmethod
    def from_values(cls, values: NDArray[np.floating] | NDArray[np.integer] | ArrowColumn) -> Self:
        """Profile a column exactly, by sorting a copy of it.

        Parameters
        ----------
        values : (n,) numpy array of numbers (it has no nulls: NaN counts as non-finite) or an Arrow column.

        Raises
        ------
        ValueError
            If an Arrow column does not hold numbers.

        Examples
        --------
        >>> values = np.random.default_rng(1).normal(size=10_000)
        >>> profile = NumericProfile.from_values(values)
        >>> profile.count, profile.knots.size, int((values <= 0).sum()), round(float(profile.cdf(0.0)))
        (10000, 1001, 5045, 5044)
        """
        if isinstance(values, np.ndarray):
            return cls.from_scratch(np.array(values, dtype=np.float64).ravel())
        numbers, nulls = float_values(values)
        return cls.from_scratch(numbers, nulls=nulls)

    @classmethod
    def from_scratch(cls, values: NDArray[np.float64], *, nulls: int = 0) -> Self:
        """Profile values like `from_values`, but sort the array in place.

        Parameters
        ----------
        values : (n,) float64, writable; its order is lost.
        nulls : null rows, which are not in `values`.

        Examples
        --------
        >>> NumericProfile.from_scratch(np.array([3.0, np.nan, 1.0]), nulls=2).count
        5
        """
        values.sort()
        start = int(np.searchsorted(values, -np.inf, side="right"))
        end = int(np.searchsorted(values, np.inf, side="left"))  # NaN sorts behind inf
        finite = values[start:end]
        mean, m2 = sorted_moments(finite)
        return cls(
            values.size + nulls,
            nulls,
            values.size - finite.size,
            mean,
            m2,
            float(finite[0]) + 0.0 if finite.size else math.nan,
            float(finite[-1]) + 0.0 if finite.size else math.nan,
            *sorted_steps(finite),
        )

    @classmethod
    def merge(cls, profiles: Sequence["NumericProfile"]) -> "NumericProfile":
        """Merge the profiles of several columns into the profile of all their rows.

        Counts and extremes are exact, moments to rounding. At a knot that an input lacks, that input's count is
        interpolated; `rank_error` bounds the sum of these errors and of the inputs' errors. It is 0 if every input holds all
        its distinct values, and at most a thousandth of the rows (plus one a part) if every input is a profile of values. It
        accumulates when merged profiles are merged: merge many profiles at once rather than one after another. The order of
        the inputs does not matter.

        Parameters
        ----------
        profiles : at least one; a single profile is returned as it is.

        Raises
        ------
        ValueError
            If there is nothing to merge.

        Examples
        --------
        >>> one, two = (NumericProfile.from_values(np.array(v)) for v in ([1.0, 2.0], [2.0, 5.0]))
        >>> both = NumericProfile.merge([one, two])
        >>> both.knots.tolist(), both.upto.tolist(), both.mean, both.rank_error
        ([1.0, 2.0, 5.0], [1, 3, 4], 2.5, 0)
        """
        if not profiles:
            raise ValueError("profiles: nothing to merge, give at least one profile")
        if len(profiles) == 1:
            return profiles[0]
        parts = [profile for profile in profiles if profile.finite]
        minimum = min((part.minimum for part in parts), default=math.nan)
        maximum = max((part.maximum for part in parts), default=math.nan)
        mean, m2 = combined_moments([p.finite for p in parts], [p.mean for p in parts], [p.m2 for p in parts])
        steps, gap_error = merged_steps([part.steps for part in parts])
        return cls(
            sum(profile.count for profile in profiles),
            sum(profile.nulls for profile in profiles),
            sum(profile.non_finite for profile in profiles),
            min(max(mean, minimum), maximum) if parts else math.nan,
            m2,
            minimum,
            maximum,
            *steps,
            gap_error + sum(part.rank_error for part in parts),
        )

    @property
    def lists_all_values(self) -> bool:
        """Whether each finite value is one of the knots, as far as `below` and `upto` are known."""
        return bool(np.array_equal(self.below[1:], self.upto[:-1]))

    @property
    def finite(self) -> int:
        """The number of finite values, which the CDF describes."""
        return self.count - self.nulls - self.non_finite

    @property
    def variance(self) -> float:
        """Sample variance (ddof = 1); NaN with fewer than two values, inf if it overflows."""
        return self.m2 / (self.finite - 1) if self.finite > 1 else math.nan

    @property
    def std(self) -> float:
        """Sample standard deviation (ddof = 1); NaN with fewer than two values."""
        return math.sqrt(self.variance)

    def cdf(self, x: ArrayLike) -> NDArray[np.float64]:
        """Estimate the number of finite values <= x: a count, not a share.

        Exact at the knots up to `rank_error`; between two knots the mass is spread linearly.

        Parameters
        ----------
        x : scalar or array of any shape; the result has the same shape. NaN gives NaN.

        Examples
        --------
        >>> NumericProfile.from_values(np.array([1.0, 1.0, 3.0])).cdf([0.0, 1.0, 2.0, 3.0]).tolist()
        [0.0, 2.0, 2.0, 3.0]
        """
        return counts_at(self.steps, np.asarray(x, dtype=np.float64), self.upto)

    def cdf_below(self, x: ArrayLike) -> NDArray[np.float64]:
        """Estimate the number of finite values < x; otherwise like `cdf`.

        Examples
        --------
        >>> NumericProfile.from_values(np.array([1.0, 1.0, 3.0])).cdf_below([1.0, 3.0]).tolist()
        [0.0, 2.0]
        """
        return counts_at(self.steps, np.asarray(x, dtype=np.float64), self.below)

    def quantile(self, q: ArrayLike) -> NDArray[np.float64]:
        """Estimate quantiles, interpolated linearly between ranks as `numpy.quantile` does by default.

        Equal to numpy's if the knots are all distinct values; otherwise the error is less than the gap between two knots.

        Parameters
        ----------
        q : scalar or array of shares from 0 to 1; the result has the same shape, NaN without values.

        Raises
        ------
        ValueError
            If a share is outside 0 to 1.

        Examples
        --------
        >>> NumericProfile.from_values(np.array([1.0, 2.0, 4.0])).quantile([0.0, 0.5, 0.75, 1.0]).tolist()
        [1.0, 2.0, 3.0, 4.0]
        """
        shares = np.asarray(q, dtype=np.float64)
        if not ((shares >= 0) & (shares <= 1)).all():
            raise ValueError("q: quantiles are shares from 0 to 1")
        if not self.finite:
            return np.full(shares.shape, np.nan)
        return values_at_ranks(self.steps, shares * (self.finite - 1))

    @property
    def steps(self) -> Steps:
        """The empirical CDF."""
        return Steps(self.knots, self.below, self.upto)
