"""The interval of a mean gain with days as units."""

import numpy as np
import pytest
from scipy import stats

from ml.retraining.day_gains import mean_gain


def test_days_of_equal_size_give_students_interval_of_the_daily_means() -> None:
    rng = np.random.default_rng(1)
    gains, days = rng.normal(size=70), np.arange(70) % 7
    daily = gains.reshape(10, 7).mean(axis=0)
    low, high = stats.t.interval(0.95, 6, daily.mean(), stats.sem(daily))
    gain = mean_gain(gains, days, 0.025)
    assert (gain.value, gain.low, gain.high) == pytest.approx((daily.mean(), low, high))
    assert (gain.days, gain.rows, gain.confidence) == (7, 70, 0.95)


def test_a_day_that_has_most_rows_widens_the_interval() -> None:
    rng = np.random.default_rng(2)
    gains = rng.normal(size=700)
    uneven = np.repeat(np.arange(7), [640, *[10] * 6])
    even, dominated = mean_gain(gains, np.arange(700) % 7, 0.025), mean_gain(gains, uneven, 0.025)
    assert dominated.high - dominated.value > 10 * (even.high - even.value)  # type: ignore[operator]


@pytest.mark.parametrize("gains", [np.empty(0), np.array([0.1]), np.array([0.1, np.nan])])
def test_a_mean_of_no_value_or_of_one_row_has_no_interval(gains: np.ndarray) -> None:
    gain = mean_gain(gains, None, 0.025)
    assert (gain.value, gain.low, gain.high) == (None, None, None)


def test_models_that_answer_alike_gain_exactly_nothing() -> None:
    gain = mean_gain(np.zeros(20), np.arange(20) % 4, 0.025)
    assert (gain.value, gain.low, gain.high) == (0, 0, 0)
