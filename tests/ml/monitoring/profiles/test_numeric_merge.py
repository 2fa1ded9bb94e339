"""Merged numeric profiles against the raw values of all their parts."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from ml.monitoring.profiles.numeric import MAX_KNOTS, NumericProfile
from tests.ml.monitoring.profiles.samples import Floats, finite, large_parts, parts, true_counts


def _profiles(columns: list[Floats]) -> list[NumericProfile]:
    return [NumericProfile.from_values(column) for column in columns]


def _errors(profile: NumericProfile, column: Floats) -> int:
    """Largest error of the profile's counts at its knots."""
    below, upto = true_counts(column, profile.knots)
    return int(max(np.abs(profile.below - below).max(initial=0), np.abs(profile.upto - upto).max(initial=0)))


def _assert_same_bytes(one: NumericProfile, two: NumericProfile) -> None:
    for field in ("knots", "below", "upto"):
        assert getattr(one, field).tobytes() == getattr(two, field).tobytes()
    for field in ("count", "nulls", "non_finite", "mean", "m2", "minimum", "maximum", "rank_error"):
        assert getattr(one, field) == pytest.approx(getattr(two, field), rel=0, abs=0, nan_ok=True)


@given(parts)
def test_few_distinct_values_merge_to_the_profile_of_all_rows(columns: list[Floats]) -> None:
    merged = NumericProfile.merge(_profiles(columns))
    whole = NumericProfile.from_values(np.concatenate(columns))
    assert (merged.count, merged.nulls, merged.non_finite) == (whole.count, whole.nulls, whole.non_finite)
    assert merged.rank_error == 0
    for field in ("knots", "below", "upto"):
        assert getattr(merged, field).tolist() == getattr(whole, field).tolist()
    scale = np.abs(finite(np.concatenate(columns))).max(initial=1.0)
    assert merged.mean == pytest.approx(whole.mean, rel=1e-9, abs=1e-12 * scale, nan_ok=True)
    assert merged.m2 == pytest.approx(whole.m2, rel=1e-9, abs=1e-12 * scale**2, nan_ok=True)


@settings(max_examples=60)
@given(large_parts())
def test_counts_at_the_knots_are_within_the_stated_rank_error(columns: list[Floats]) -> None:
    everything = np.concatenate(columns)
    merged = NumericProfile.merge(_profiles(columns))
    assert merged.finite == everything.size
    assert merged.knots.size <= MAX_KNOTS
    assert _errors(merged, everything) <= merged.rank_error
    assert (merged.minimum, merged.maximum) == (everything.min(), everything.max())
    assert (merged.knots[0], merged.knots[-1]) == (everything.min(), everything.max())
    assert merged.mean == pytest.approx(everything.mean(), rel=1e-9, abs=1e-12 * np.abs(everything).max())
    assert merged.m2 == pytest.approx(((everything - everything.mean()) ** 2).sum(), rel=1e-9)


@settings(max_examples=40)
@given(large_parts())
def test_the_stated_rank_error_of_one_merge_is_at_most_a_thousandth_of_the_rows(columns: list[Floats]) -> None:
    merged = NumericProfile.merge(_profiles(columns))
    assert merged.rank_error <= merged.finite / 1000 + len(columns)


@settings(max_examples=40)
@given(large_parts())
def test_merging_ascends_strictly_and_ends_at_the_row_count(columns: list[Floats]) -> None:
    merged = NumericProfile.merge(_profiles(columns))
    assert (np.diff(merged.knots) > 0).all()
    assert (merged.upto > merged.below).all()
    assert (merged.below[1:] >= merged.upto[:-1]).all()
    assert (merged.below[0], merged.upto[-1]) == (0, merged.finite)


@settings(max_examples=40)
@given(large_parts())
def test_merging_is_commutative_to_the_byte(columns: list[Floats]) -> None:
    profiles = _profiles(columns)
    merged = NumericProfile.merge(profiles)
    for order in itertools.islice(itertools.permutations(profiles), 1, 6):
        _assert_same_bytes(NumericProfile.merge(order), merged)


@settings(max_examples=40)
@given(large_parts())
def test_merging_is_associative_within_the_stated_rank_errors(columns: list[Floats]) -> None:
    profiles = _profiles(columns)
    everything = np.concatenate(columns)
    at_once = NumericProfile.merge(profiles)
    from_left, from_right = profiles[0], profiles[-1]
    for profile in profiles[1:]:
        from_left = NumericProfile.merge([from_left, profile])
    for profile in reversed(profiles[:-1]):
        from_right = NumericProfile.merge([profile, from_right])
    for stepwise in (from_left, from_right):
        assert _errors(stepwise, everything) <= stepwise.rank_error
        common = np.isin(at_once.knots, stepwise.knots)
        difference = np.abs(at_once.upto[common] - stepwise.cdf(at_once.knots[common]))
        assert difference.max(initial=0.0) <= at_once.rank_error + stepwise.rank_error
        assert stepwise.mean == pytest.approx(at_once.mean, rel=1e-9, abs=1e-12 * np.abs(everything).max())
        assert stepwise.m2 == pytest.approx(at_once.m2, rel=1e-9)


def test_the_merge_of_one_is_that_one() -> None:
    profile = NumericProfile.from_values(np.arange(5.0))
    assert NumericProfile.merge([profile]) is profile


def test_merging_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to merge"):
        NumericProfile.merge([])


def test_profiles_without_values_add_only_their_counts() -> None:
    empty = NumericProfile.from_scratch(np.array([np.nan]), nulls=4)
    merged = NumericProfile.merge([empty, NumericProfile.from_values(np.array([2.0])), empty])
    assert (merged.count, merged.nulls, merged.non_finite, merged.knots.tolist()) == (11, 8, 2, [2.0])
    assert NumericProfile.merge([empty, empty]).finite == 0


def test_huge_values_merge_without_overflow() -> None:
    profiles = _profiles([np.array([1e308, 1.5e308]), np.array([-1.7e308]), np.array([1.7e308])])
    merged = NumericProfile.merge(profiles)
    assert merged.mean == pytest.approx(0.625e308, rel=1e-12)
    assert merged.std == np.inf
    assert merged.upto.tolist() == [1, 2, 3, 4]


def test_a_year_of_days_merges_into_one_profile_close_to_the_raw_values() -> None:
    rng = np.random.default_rng(11)
    columns = [rng.normal(day / 100, 1.0, 2000) for day in range(365)]
    everything = np.concatenate(columns)
    year = NumericProfile.merge(_profiles(columns))
    assert _errors(year, everything) <= year.rank_error <= everything.size / 1000
    assert year.quantile([0.05, 0.5, 0.95]) == pytest.approx(np.quantile(everything, [0.05, 0.5, 0.95]), abs=0.01)


def test_a_tie_that_is_heavy_in_every_part_stays_a_knot() -> None:
    rng = np.random.default_rng(12)
    columns = [np.concatenate([rng.normal(size=3000), np.full(9, 0.123)]) for _ in range(20)]
    merged = NumericProfile.merge(_profiles(columns))
    where = int(np.flatnonzero(merged.knots == 0.123)[0])
    assert merged.upto[where] - merged.below[where] == 180
