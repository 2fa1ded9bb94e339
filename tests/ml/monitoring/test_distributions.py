"""Two profiles over the same bins: every value is counted once, and one outlier moves no bin."""

import numpy as np

from ml.monitoring.distributions import category_counts, histograms
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile


def test_one_outlier_moves_no_bin() -> None:
    values = np.random.default_rng(1).normal(size=5_000)
    reference = NumericProfile.from_values(values)
    # So few that a profile holds all of them; their outer half percent stays within the range of the reference.
    inside = values[np.abs(values) < 2][:900]
    without = histograms(reference, NumericProfile.from_values(inside))
    outlier = histograms(reference, NumericProfile.from_values(np.append(inside, 1e12)))
    assert outlier.edges == without.edges
    assert outlier.current[-1] == without.current[-1] + 1
    assert sum(outlier.current) == inside.size + 1


def test_a_sample_beyond_the_range_gets_bins_of_the_same_width_but_not_without_end() -> None:
    reference = NumericProfile.from_values(np.random.default_rng(1).uniform(size=5_000))
    near = histograms(reference, NumericProfile.from_values(np.linspace(1.2, 1.4, 100)))
    assert sum(near.current[1:-1]) >= 99
    np.testing.assert_allclose(np.diff(near.edges), near.edges[1] - near.edges[0])
    far = histograms(reference, NumericProfile.from_values(np.linspace(1e6, 2e6, 100)))
    assert len(far.edges) == 49
    assert far.current[-1] == 100


def test_a_reference_with_one_value_and_a_sample_without_any_have_histograms() -> None:
    both = histograms(NumericProfile.from_values(np.full(9, 0.25)), NumericProfile.from_values(np.empty(0)))
    assert (sum(both.reference), sum(both.current)) == (9, 0)


def test_values_that_a_long_reference_does_not_list_are_not_all_unseen() -> None:
    reference = CategoricalProfile(1_000, 0, {"a": 900}, other=100)
    current = CategoricalProfile(1_000, 0, {"a": 850, "z": 150})
    counts = category_counts(reference, current)
    assert (counts.unseen, counts.current_other, counts.reference_other) == (50, 100, 100)
    assert counts.unseen_names == []


def test_bins_of_values_on_a_grid_hold_equally_many_of_them() -> None:
    speeds = np.repeat(np.arange(40) * 1.15078, 10)
    both = histograms(NumericProfile.from_values(speeds))
    assert set(both.reference[1:-2]) == {20.0}
