"""Distances from profiles against scipy on the raw values."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from ml.monitoring.distances.cdf_difference import cdf_error, cumulative
from ml.monitoring.distances.chi_square import chi_square_of_counts
from ml.monitoring.distances.hellinger import hellinger_of_counts
from ml.monitoring.distances.jensen_shannon import jensen_shannon_of_counts
from ml.monitoring.distances.kolmogorov_smirnov import kolmogorov_smirnov, kolmogorov_smirnov_p_value
from ml.monitoring.distances.psi import psi_of_counts
from ml.monitoring.distances.wasserstein import trimmed_scale, wasserstein
from ml.monitoring.profiles.numeric import NumericProfile

NUMBERS = st.one_of(st.integers(-5, 5).map(float), st.floats(-1e6, 1e6, width=32))
SAMPLES = st.lists(NUMBERS, min_size=1, max_size=40)
COUNTS = st.integers(2, 8).flatmap(
    lambda k: st.tuples(*(st.lists(st.integers(0, 50), min_size=k, max_size=k).filter(any) for _ in range(2)))
)


def profile(values: list[float]) -> NumericProfile:
    return NumericProfile.from_values(np.array(values))


def scipys_distance(one: list[float], two: list[float]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of the p-value, which is of no interest here
        return float(stats.ks_2samp(one, two, method="asymp").statistic)


@settings(max_examples=80)
@given(SAMPLES, SAMPLES)
def test_kolmogorov_smirnov_and_wasserstein_equal_scipys(one: list[float], two: list[float]) -> None:
    assert kolmogorov_smirnov(profile(one), profile(two)) == pytest.approx(scipys_distance(one, two), abs=1e-9)
    expected = stats.wasserstein_distance(one, two)
    assert wasserstein(profile(one), profile(two)) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=80)
@given(COUNTS)
def test_binned_distances_equal_scipys(counts: tuple[list[int], list[int]]) -> None:
    one, two = (np.array(row, dtype=float) for row in counts)
    p, q = one / one.sum(), two / two.sum()
    assert jensen_shannon_of_counts(one, two) == pytest.approx(jensenshannon(p, q, base=2), abs=1e-7)
    assert jensen_shannon_of_counts(one, two) ** 2 == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-9)
    assert hellinger_of_counts(one, two) ** 2 == pytest.approx(1 - np.sqrt(p * q).sum(), abs=1e-9)
    used = one + two > 0
    smooth_p, smooth_q = (one[used] + 0.5) / (one[used] + 0.5).sum(), (two[used] + 0.5) / (two[used] + 0.5).sum()
    both_ways = stats.entropy(smooth_p, smooth_q) + stats.entropy(smooth_q, smooth_p)
    assert psi_of_counts(one, two) == pytest.approx(both_ways, abs=1e-9)
    if used.sum() > 1:
        expected = stats.chi2_contingency(np.array([one[used], two[used]]), correction=False)
        test = chi_square_of_counts(one, two)
        assert test.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
        assert test.p_value == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-9)


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_small_sample_kolmogorov_smirnov_p_values_are_exact(n: int, m: int, data: st.DataObject) -> None:
    i, j = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    distance = abs(i / n - j / m)
    one, two = samples_at_distance(n, m, i, j)
    test = stats.ks_2samp(one, two, method="exact")
    if test.statistic == pytest.approx(distance, abs=1e-12):
        assert kolmogorov_smirnov_p_value(distance, n, m) == pytest.approx(test.pvalue, rel=1e-6, abs=1e-12)


def samples_at_distance(n: int, m: int, i: int, j: int) -> tuple[list[float], list[float]]:
    """Samples without ties, of which i and j values lie below all others."""
    low = [-1 - k / 100 for k in range(i + j)]
    high = [1 + k / 100 for k in range(n + m - i - j)]
    return low[:i] + high[: n - i], low[i:] + high[n - i :]


def test_the_asymptotic_kolmogorov_smirnov_p_value_errs_towards_no_alarm() -> None:
    for distance in (0.08, 0.1, 0.13, 0.17):
        exact = stats.kstwo.sf(distance, round(200 * 1000 / 1200))
        assert exact <= kolmogorov_smirnov_p_value(distance, 200, 1000) < 2 * exact


@pytest.mark.parametrize("merged", [False, True])
def test_profiles_that_do_not_hold_every_value_stay_within_their_stated_bound(*, merged: bool) -> None:
    rng = np.random.default_rng(3)
    one, two = rng.normal(size=20_000), rng.lognormal(0.1, 0.8, size=30_000)

    def built(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> NumericProfile:
        parts = [NumericProfile.from_values(part) for part in np.array_split(values, 7 if merged else 1)]
        return NumericProfile.merge(parts)

    first, second = built(one), built(two)
    bound = cdf_error(first) + cdf_error(second)
    assert 0 < bound < 0.02
    assert abs(kolmogorov_smirnov(first, second) - stats.ks_2samp(one, two).statistic) <= bound
    width = max(one.max(), two.max()) - min(one.min(), two.min())
    assert abs(wasserstein(first, second) - stats.wasserstein_distance(one, two)) <= bound * width
    assert wasserstein(first, second) == pytest.approx(stats.wasserstein_distance(one, two), rel=0.01)


def test_the_fast_cumulative_counts_equal_the_profiles_own() -> None:
    rng = np.random.default_rng(4)
    for values in (rng.normal(size=5000), np.round(rng.normal(size=5000), 1), np.zeros(3)):
        known = NumericProfile.from_values(values)
        points = np.sort(np.concatenate([known.knots, rng.normal(size=500), [-99.0, 99.0]]))
        below, upto = cumulative(known, points)
        np.testing.assert_allclose(below, known.cdf_below(points), atol=1e-9)
        np.testing.assert_allclose(upto, known.cdf(points), atol=1e-9)


@settings(max_examples=60)
@given(SAMPLES)
def test_the_trimmed_deviation_is_that_of_the_clipped_values(values: list[float]) -> None:
    scale = trimmed_scale(profile(values))
    clipped = np.clip(values, *np.quantile(values, [0.005, 0.995]))
    assert scale.deviation * (scale.high - scale.low) == pytest.approx(
        float(np.std(clipped)), rel=1e-6, abs=1e-6 * max(1.0, math.fabs(max(values, key=abs)))
    )


def test_wasserstein_is_exact_where_interpolated_cdfs_cross() -> None:
    def spread(low: int, high: int) -> NumericProfile:
        """A hundred values on 0, 5 and 10, and evenly between: `low` of them below 5, `high` above."""
        below = np.array([0, low + 1, 99])
        assert low + high == 97
        return NumericProfile(
            100, 0, 0, 5.0, 0.0, 0.0, 10.0, np.array([0.0, 5.0, 10.0]), below, np.array([1, low + 2, 100])
        )

    # Values of the second lie between the knots of the first, where both CDFs are linear and cross.
    one = spread(60, 37)
    two = NumericProfile(
        100, 0, 0, 5.0, 0.0, 0.0, 10.0, np.array([0.0, 8.0, 10.0]), np.array([0, 90, 99]), np.array([1, 91, 100])
    )
    x = (np.arange(1_000_000) + 0.5) / 100_000
    by_hand = np.abs(one.cdf(x) - two.cdf(x)).mean() * 10 / 100
    signs = np.sign(one.cdf(x) - two.cdf(x))
    assert {-1.0, 1.0} <= set(signs.tolist())
    assert wasserstein(one, two) == pytest.approx(by_hand, rel=1e-6)
