"""Cells: decided by the reference alone, safe with ties, outliers and unseen values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.monitoring.distances.bins import numeric_cells, reference_cuts
from ml.monitoring.distances.categories import categorical_cells
from ml.monitoring.distances.psi import psi
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile

SAMPLES = st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(-1e9, 1e9)), min_size=1, max_size=200)


def profile(values: object) -> NumericProfile:
    return NumericProfile.from_values(np.asarray(values, dtype=float))


@settings(max_examples=80)
@given(SAMPLES, SAMPLES, st.integers(2, 20))
def test_every_row_falls_into_exactly_one_cell(one: list[float], two: list[float], bins: int) -> None:
    cells = numeric_cells(profile(one), profile(two), bins)
    assert cells.reference.sum() == pytest.approx(len(one))
    assert cells.current.sum() == pytest.approx(len(two))
    assert (cells.reference > 0).sum() <= bins
    assert min(cells.reference.min(), cells.current.min()) >= 0


def test_the_current_sample_moves_no_edge() -> None:
    rng = np.random.default_rng(1)
    reference = profile(rng.normal(size=5000))
    plain = rng.normal(0.5, size=5000)
    outlier = plain.copy()
    outlier[0] = 1e9
    with_outlier, without = numeric_cells(reference, profile(outlier)), numeric_cells(reference, profile(plain))
    np.testing.assert_array_equal(with_outlier.reference, without.reference)
    assert np.abs(with_outlier.current - without.current).sum() <= 2 * 10  # one row, and interpolation in ten bins


def test_quantile_bins_hold_equal_shares_of_the_reference() -> None:
    reference = profile(np.random.default_rng(2).lognormal(size=10_000))
    np.testing.assert_allclose(numeric_cells(reference, reference).reference, 1000, atol=1.5)


def test_few_distinct_values_are_a_cell_each_and_one_for_everything_else() -> None:
    cells = numeric_cells(profile([1, 1, 2, 3]), profile([1, 1.5, 3, 7, -4]))
    assert cells.reference.tolist() == [2, 1, 1, 0]
    assert cells.current.tolist() == [1, 0, 1, 3]


def test_rows_that_leave_a_heap_of_zeros_downwards_are_seen() -> None:
    rng = np.random.default_rng(3)
    values = np.where(rng.random(5000) < 0.7, 0.0, rng.exponential(size=5000))
    moved = np.where(values == 0, -1.0, values)
    assert psi(profile(values), profile(moved)) > 1


def test_a_reference_of_ties_only_still_cuts() -> None:
    cuts = reference_cuts(profile(np.repeat(np.arange(50.0), 20)))
    assert (np.diff(cuts.at) >= 0).all()
    assert cuts.counts(profile(np.repeat(np.arange(50.0), 20))).sum() == 1000


def test_fewer_than_two_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="bins: must be at least 2"):
        reference_cuts(profile([1.0, 2.0]), 1)


def test_unseen_categories_and_unlisted_rows_share_the_last_cell() -> None:
    reference = CategoricalProfile(105, 5, {"a": 60, "b": 30, "c": 8}, other=2)
    current = CategoricalProfile(50, 0, {"a": 20, "z": 25}, other=5)
    cells = categorical_cells(reference, current, minimum_expected=5)
    assert cells.reference.tolist() == [60, 30, 8, 2]
    assert cells.current.tolist() == [20, 0, 0, 30]
