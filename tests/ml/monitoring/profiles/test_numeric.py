"""A numeric profile against the raw values that it summarises."""

import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from ml.monitoring.profiles.numeric import MAX_KNOTS, NumericProfile
from tests.ml.monitoring.profiles.samples import Floats, finite, true_counts, values


@given(values)
def test_up_to_1001_distinct_values_everything_is_exact(column: Floats) -> None:
    profile = NumericProfile.from_values(column)
    known = finite(column)
    assert (profile.count, profile.nulls, profile.non_finite) == (column.size, 0, column.size - known.size)
    assert profile.rank_error == 0
    assert profile.knots.tolist() == np.unique(known).tolist()
    probes = np.concatenate([profile.knots, profile.knots + 0.25, [-1e9, 1e9]])
    below, upto = true_counts(column, probes)
    assert profile.cdf_below(probes).tolist() == below.tolist()
    assert profile.cdf(probes).tolist() == upto.tolist()


@given(values)
def test_moments_extremes_and_quantiles_agree_with_numpy(column: Floats) -> None:
    profile = NumericProfile.from_values(column)
    known = finite(column)
    if not known.size:
        assert all(map(math.isnan, (profile.mean, profile.m2, profile.minimum, profile.maximum, profile.std)))
        return
    scale = max(np.abs(known).max(), 1e-300)
    assert profile.mean == pytest.approx(known.mean(), rel=1e-9, abs=1e-12 * scale)
    assert profile.m2 == pytest.approx(((known - known.mean()) ** 2).sum(), rel=1e-9, abs=1e-12 * scale**2)
    assert (profile.minimum, profile.maximum) == (known.min(), known.max())
    shares = np.linspace(0, 1, 13)
    assert profile.quantile(shares) == pytest.approx(np.quantile(known, shares), rel=1e-9, abs=1e-12 * scale)


def test_std_and_variance_divide_by_n_minus_one() -> None:
    profile = NumericProfile.from_values(np.array([1.0, 2.0, 4.0, 9.0]))
    assert profile.variance == pytest.approx(np.var([1.0, 2.0, 4.0, 9.0], ddof=1), rel=1e-12)
    assert profile.std == pytest.approx(np.std([1.0, 2.0, 4.0, 9.0], ddof=1), rel=1e-12)
    assert math.isnan(NumericProfile.from_values(np.array([1.0])).std)


def test_more_than_1001_distinct_values_keep_exact_counts_at_evenly_spaced_knots() -> None:
    column = np.random.default_rng(1).normal(size=50_000)
    profile = NumericProfile.from_values(column)
    assert profile.knots.size == MAX_KNOTS
    assert (profile.knots[0], profile.knots[-1]) == (column.min(), column.max())
    below, upto = true_counts(column, profile.knots)
    assert profile.below.tolist() == below.tolist()
    assert profile.upto.tolist() == upto.tolist()
    assert np.max(profile.below[1:] - profile.upto[:-1]) <= column.size / 1000
    probes = np.random.default_rng(2).normal(size=1000)
    assert np.abs(profile.cdf(probes) - true_counts(column, probes)[1]).max() <= column.size / 1000
    shares = np.linspace(0.01, 0.99, 99)
    assert profile.quantile(shares) == pytest.approx(np.quantile(column, shares), abs=2e-3)


@pytest.mark.parametrize("size", [2_000, 12_345, 100_001])
def test_a_value_with_a_thousandth_of_the_mass_is_always_a_knot(size: int) -> None:
    rng = np.random.default_rng(size)
    heavy = rng.normal(size=20)
    ties = np.repeat(heavy, math.ceil(size / 1000))
    column = rng.permutation(np.concatenate([ties, rng.normal(size=size - ties.size)]))
    profile = NumericProfile.from_values(column)
    assert profile.knots.size <= MAX_KNOTS
    assert np.isin(heavy, profile.knots).all()


@pytest.mark.parametrize("distinct", [1000, 1001, 1002])
def test_the_limit_of_distinct_values_is_1001(distinct: int) -> None:
    column = np.random.default_rng(3).permutation(np.tile(np.arange(distinct, dtype=np.float64), 7))
    profile = NumericProfile.from_values(column)
    holds_all = profile.knots.size == distinct
    assert holds_all == (distinct <= MAX_KNOTS)
    assert (profile.below.tolist(), profile.upto.tolist()) == tuple(
        counts.tolist() for counts in true_counts(column, profile.knots)
    )


@pytest.mark.parametrize("size", [20, 3000])
def test_order_and_sign_of_zero_leave_no_trace(size: int) -> None:
    column = np.random.default_rng(4).normal(size=size)
    column[:10] = 0.0
    shuffled = np.random.default_rng(5).permutation(column)
    shuffled[shuffled == 0.0] = -0.0
    one, two = NumericProfile.from_values(column), NumericProfile.from_values(shuffled)
    assert one.knots.tobytes() == two.knots.tobytes()
    assert (one.mean, one.m2, one.upto.tolist()) == (two.mean, two.m2, two.upto.tolist())


@pytest.mark.parametrize(
    ("column", "mean", "std"),
    [
        ([1e308, -1e308], 0.0, math.inf),
        ([1e308, 1e308, 1e308], 1e308, 0.0),
        ([1e153, 3e153], 2e153, math.sqrt(2) * 1e153),
        ([1e-300, 3e-300], 2e-300, 0.0),
        ([5e-324], 5e-324, math.nan),
    ],
)
def test_extreme_magnitudes_stay_finite_where_float64_can_hold_them(
    column: list[float], mean: float, std: float
) -> None:
    profile = NumericProfile.from_values(np.array(column))
    assert profile.mean == pytest.approx(mean, rel=1e-12, abs=0)
    assert profile.std == pytest.approx(std, rel=1e-9, abs=0, nan_ok=True)
    assert profile.cdf(column[0]) == sum(value <= column[0] for value in column)
    assert profile.quantile([0.0, 1.0]).tolist() == [min(column), max(column)]


def test_counts_between_knots_whose_distance_overflows_are_interpolated() -> None:
    far = np.linspace(1.6e308, 1.7e308, 2504)
    column = np.concatenate([-far, [1.0, 2.0], far[:2500]])
    profile = NumericProfile.from_values(column)
    assert not np.isin([1.0, 2.0], profile.knots).any()
    quarter, middle, three_quarters = profile.cdf([-8e307, 0.0, 8e307])
    assert 2503 < quarter < middle < three_quarters < 2507
    merged = NumericProfile.merge([profile, NumericProfile.from_values(np.zeros(100))])
    assert abs(merged.upto[merged.knots == 0.0][0] - 2604) <= merged.rank_error <= 5


@pytest.mark.parametrize("column", [pa.nulls(3), pa.array([None, None, None], pa.float64()), pa.nulls(3, pa.int64())])
def test_a_column_of_nulls_has_counts_and_nothing_else(column: pa.Array) -> None:
    profile = NumericProfile.from_values(column)
    assert (profile.count, profile.nulls, profile.finite, profile.knots.size) == (3, 3, 0, 0)
    assert profile.cdf([0.0, math.inf]).tolist() == [0.0, 0.0]
    assert np.isnan(profile.quantile([0.0, 0.5])).all()


def test_an_empty_column_is_a_profile_too() -> None:
    profile = NumericProfile.from_values(np.array([]))
    assert (profile.count, profile.finite, profile.knots.size, profile.below.size, profile.upto.size) == (0, 0, 0, 0, 0)


def test_nulls_nan_and_infinities_are_counted_apart_and_enter_nothing() -> None:
    profile = NumericProfile.from_values(pa.array([1.0, None, math.nan, math.inf, -math.inf, 3.0]))
    assert (profile.count, profile.nulls, profile.non_finite, profile.finite) == (6, 1, 3, 2)
    assert (profile.mean, profile.minimum, profile.maximum) == (2.0, 1.0, 3.0)
    assert profile.cdf([-math.inf, math.inf]).tolist() == [0.0, 2.0]
    assert np.isnan(profile.cdf(math.nan))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([3, None, 1], pa.int64()),
        pa.array([3, None, 1], pa.uint8()),
        pa.array([3.0, None, 1.0], pa.float32()),
        pa.array([Decimal("3.0"), None, Decimal("1.0")]),
        pa.array([3.0, None, 1.0]).dictionary_encode(),
        pa.chunked_array([[3.0], [], [None, 1.0]], pa.float64()),
        pa.array([0.0, 3.0, None, 1.0, 9.0]).slice(1, 3),
    ],
    ids=lambda column: str(column.type),
)
def test_every_arrow_number_type_is_read(column: pa.Array) -> None:
    profile = NumericProfile.from_values(column)
    assert (profile.count, profile.nulls, profile.knots.tolist()) == (3, 1, [1.0, 3.0])


def test_values_that_are_no_numbers_are_an_error_that_names_the_type() -> None:
    with pytest.raises(ValueError, match="must hold numbers, not string"):
        NumericProfile.from_values(pa.array(["1"]))


def test_the_given_values_are_left_alone() -> None:
    column = np.array([3.0, 1.0, 2.0])
    NumericProfile.from_values(column)
    assert column.tolist() == [3.0, 1.0, 2.0]


@pytest.mark.parametrize("share", [-0.01, 1.01, math.nan])
def test_a_quantile_outside_0_to_1_is_an_error(share: float) -> None:
    with pytest.raises(ValueError, match="q: quantiles are shares"):
        NumericProfile.from_values(np.array([1.0])).quantile(share)
