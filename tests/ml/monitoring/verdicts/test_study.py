"""The promises of docs/drift.md on fewer draws: false alarms, power, outliers. The full study is bench/studies/drift.py."""

import numpy as np
import pytest

from bench.studies.drift import NUMERIC, OUTLIER, detection_rate, false_alarms, tail_ratios


@pytest.mark.parametrize(("n", "m"), [(30, 1000), (50, 5000), (200, 1000), (1000, 1000)])
def test_at_most_one_day_in_a_hundred_alarms_when_nothing_has_changed(n: int, m: int) -> None:
    cell = false_alarms(np.random.default_rng(21), n, m, days=100)
    # At a true rate of 1 % more than four of a hundred come in 1 of 300 draws; this one is seeded.
    assert cell.alarms <= 4
    assert n < 500 or cell.judged > 0.9


def test_half_a_standard_deviation_in_one_of_twenty_features_is_found_at_two_hundred_rows() -> None:
    rng = np.random.default_rng(22)
    assert detection_rate(rng, 200, 1000, 60, frozenset(["normal_0"])) >= 0.8


def test_half_a_standard_deviation_in_every_numeric_feature_is_found_at_two_hundred_rows() -> None:
    rng = np.random.default_rng(23)
    assert detection_rate(rng, 200, 1000, 20, frozenset(NUMERIC)) >= 0.8


def test_one_outlier_in_five_thousand_rows_hides_nothing() -> None:
    rng = np.random.default_rng(24)
    assert detection_rate(rng, 5000, 5000, 3, frozenset(NUMERIC), (OUTLIER, OUTLIER)) >= 0.95


def test_the_judged_law_holds_in_the_tail_where_that_of_jensen_shannon_does_not() -> None:
    pearson, _, jensen_shannon = tail_ratios(np.random.default_rng(25), 30, 1000, 10, 2000, 0.01)
    assert pearson < 1.5
    assert jensen_shannon > 2
