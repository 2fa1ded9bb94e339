"""Published and hand-worked values that every distance must reproduce."""

import math

import numpy as np
import pytest

from ml.monitoring.distances.chi_square import chi_square_of_counts, cramers_v_of_counts
from ml.monitoring.distances.hellinger import hellinger
from ml.monitoring.distances.jensen_shannon import jensen_shannon
from ml.monitoring.distances.kolmogorov_smirnov import kolmogorov_smirnov, kolmogorov_smirnov_p_value
from ml.monitoring.distances.l_infinity import l_infinity
from ml.monitoring.distances.psi import psi, psi_of_counts
from ml.monitoring.distances.unseen import unseen_share
from ml.monitoring.distances.wasserstein import normalised_wasserstein, wasserstein
from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile

VALUES = np.arange(1000) / 10
REFERENCE, SHIFTED = NumericProfile.from_values(VALUES), NumericProfile.from_values(VALUES + 20)
OLD = CategoricalProfile(1000, 0, {"a": 500, "b": 300, "c": 200})
NEW = CategoricalProfile(1000, 0, {"a": 400, "b": 300, "c": 200, "d": 100})


def test_a_shift_by_a_fifth_of_the_range_has_kolmogorov_smirnov_distance_one_fifth() -> None:
    assert kolmogorov_smirnov(REFERENCE, SHIFTED) == pytest.approx(0.2, abs=1e-9)


def test_wasserstein_of_a_shift_is_the_shift() -> None:
    assert wasserstein(REFERENCE, SHIFTED) == pytest.approx(20.0, abs=1e-9)
    assert normalised_wasserstein(REFERENCE, SHIFTED) == pytest.approx(0.6928206694379726, abs=1e-9)


def test_categorical_golden_values() -> None:
    test = chi_square_of_counts([500, 300, 200, 0], [400, 300, 200, 100])
    assert test.statistic == pytest.approx(1000 / 9, abs=1e-9)
    assert test.p_value == pytest.approx(6.3271e-24, rel=1e-4)
    assert l_infinity(OLD, NEW) == pytest.approx(0.1, abs=1e-12)
    assert jensen_shannon(OLD, NEW) == pytest.approx(0.23241293654355832, abs=1e-12)
    assert hellinger(OLD, NEW) == pytest.approx(0.2297529205, abs=1e-9)
    assert unseen_share(OLD, NEW) == pytest.approx(0.1, abs=1e-12)


def test_psi_of_four_cells_equals_the_sum_worked_by_hand() -> None:
    # 500.5, 300.5, 200.5, 0.5 of 1002 against 400.5, 300.5, 200.5, 100.5 of 1002
    by_hand = (-100 * math.log(400.5 / 500.5) + 100 * math.log(100.5 / 0.5)) / 1002
    assert psi_of_counts([500, 300, 200, 0], [400, 300, 200, 100]) == pytest.approx(by_hand, abs=1e-12)
    assert psi(OLD, NEW) == pytest.approx(by_hand, abs=1e-12)


def test_cramers_v_does_not_depend_on_how_much_larger_the_reference_is() -> None:
    equal = cramers_v_of_counts([500, 300, 200, 0], [400, 300, 200, 100])
    assert equal == pytest.approx(math.sqrt(1000 / 9 / 2000), abs=1e-12)
    assert cramers_v_of_counts([50_000, 30_000, 20_000, 0], [40, 30, 20, 10]) == pytest.approx(equal, abs=1e-12)


def test_every_distance_of_equal_profiles_is_zero() -> None:
    for distance in (psi, jensen_shannon, hellinger, l_infinity):
        assert distance(OLD, OLD) == 0
        assert distance(REFERENCE, REFERENCE) == 0
    assert kolmogorov_smirnov(REFERENCE, REFERENCE) == 0
    assert wasserstein(REFERENCE, REFERENCE) == 0


def test_nothing_in_common_is_one_and_psi_stays_finite() -> None:
    assert jensen_shannon(OLD, CategoricalProfile(5, 0, {"z": 5})) == pytest.approx(1.0, abs=1e-12)
    assert hellinger(OLD, CategoricalProfile(5, 0, {"z": 5})) == pytest.approx(1.0, abs=1e-12)
    assert cramers_v_of_counts([3, 0], [0, 7]) == pytest.approx(1.0, abs=1e-12)
    assert 1 < psi(OLD, CategoricalProfile(5, 0, {"z": 5})) < 20
    assert kolmogorov_smirnov(REFERENCE, NumericProfile.from_values(VALUES + 1000)) == 1.0


def test_an_unseen_category_has_a_large_but_finite_chi_square() -> None:
    test = chi_square_of_counts([1000, 0], [900, 100])
    assert 0 < test.p_value < 1e-20
    assert math.isfinite(test.statistic)


def test_kinds_that_differ_and_sides_without_values_are_refused() -> None:
    with pytest.raises(TypeError, match="same kind"):
        psi(OLD, REFERENCE)
    with pytest.raises(ValueError, match="reference"):
        psi(NumericProfile.from_values(np.array([np.nan])), REFERENCE)
    with pytest.raises(ValueError, match="current"):
        kolmogorov_smirnov(REFERENCE, NumericProfile.from_values(np.array([])))
    with pytest.raises(ValueError, match="not negative"):
        psi_of_counts([1, -1], [1, 1])
    with pytest.raises(ValueError, match="same cells"):
        psi_of_counts([1, 1], [1, 1, 1])
    with pytest.raises(ValueError, match="distance"):
        kolmogorov_smirnov_p_value(1.5, 3, 3)
