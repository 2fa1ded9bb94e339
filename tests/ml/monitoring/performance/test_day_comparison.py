"""Days as units: small days are pooled, days that differ anyway are no change, a real drop is one."""

import numpy as np
import pytest
from scipy import stats

from ml.monitoring.performance.day_comparison import (
    ALPHA,
    MIN_REFERENCE_DAYS,
    DayValue,
    compare_days,
    pool_small_days,
)
from ml.monitoring.performance.reference import daily_values, measure_days, reference_of
from ml.monitoring.performance.tasks import Target


def days(values: np.ndarray, n: int = 900) -> list[DayValue]:
    return [DayValue(f"{place:04}", float(value), n) for place, value in enumerate(values)]


def test_the_p_value_is_the_exact_rank_sum_of_the_best_window_corrected_for_the_windows() -> None:
    rng = np.random.default_rng(1)
    before, now = rng.normal(0.7, 0.05, 10), rng.normal(0.6, 0.05, 7)
    comparison = compare_days(days(before), days(now), less_is_better=False)
    assert comparison is not None
    exact = stats.mannwhitneyu(now, before, alternative="less", method="exact").pvalue
    assert comparison.p_value == pytest.approx(exact)
    assert (comparison.compared_days, comparison.baseline_days, comparison.n) == (7, 10, 6300)
    welch = stats.ttest_ind(now, before, equal_var=False).confidence_interval(0.95)
    assert comparison.low == pytest.approx(comparison.baseline + welch.low)
    assert comparison.high == pytest.approx(comparison.baseline + welch.high)
    older = np.concatenate([rng.normal(0.7, 0.05, 7), now])
    both = compare_days(days(before), days(older), less_is_better=False)
    assert both is not None
    assert both.p_value == pytest.approx(2 * exact)


@pytest.mark.parametrize("less_is_better", [False, True])
def test_days_that_differ_as_they_did_in_the_baseline_are_rarely_worse(less_is_better: bool) -> None:
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(300):
        values = rng.normal(0.65, 0.07, 56)
        comparison = compare_days(days(values[:28]), days(values[28:]), less_is_better=less_is_better, min_change=0.02)
        assert comparison is not None
        alarms += comparison.p_value <= ALPHA
    assert alarms <= 8  # 1 % of 300, and chance


def test_a_drop_is_found_in_its_first_week_whatever_the_older_days_were() -> None:
    rng = np.random.default_rng(3)
    usual, worse = rng.normal(0.65, 0.05, 56), rng.normal(0.53, 0.05, 7)
    comparison = compare_days(days(usual[:28]), days(np.concatenate([usual[28:], worse])), less_is_better=False)
    assert comparison is not None
    assert comparison.p_value <= ALPHA
    assert comparison.compared_days == 7


def test_days_cannot_be_compared_with_too_few_of_them_or_none() -> None:
    few = days(np.full(MIN_REFERENCE_DAYS - 1, 0.7))
    assert compare_days(few, few, less_is_better=False) is None
    assert compare_days([*few, DayValue("9", 0.7, 900)], [], less_is_better=False) is None


def test_equal_days_are_no_change_and_have_no_width() -> None:
    comparison = compare_days(days(np.full(9, 1.0)), days(np.full(9, 1.0)), less_is_better=False)
    assert comparison is not None
    assert (comparison.p_value, comparison.low, comparison.high) == (1.0, 1.0, 1.0)


def test_small_days_are_pooled_by_rows_from_the_newest_and_the_rest_is_left_out() -> None:
    pools = pool_small_days(
        [DayValue("1", 0.1, 40), DayValue("2", 0.5, 60), DayValue("3", 0.9, 20), DayValue("4", 0.6, 40)]
    )
    assert [(pool.day, pool.n) for pool in pools] == [("2", 60), ("4", 60)]
    assert pools[1].value == pytest.approx((20 * 0.9 + 40 * 0.6) / 60)


def test_a_reference_has_the_values_of_each_day_realised_and_estimated() -> None:
    rng = np.random.default_rng(4)
    score = rng.random(600)
    label = (rng.random(600) < score).astype(int)
    prediction = (score > 0.5).astype(int)
    reference = reference_of(Target("binary", "1"), label, prediction, score, rng)
    parts = {"2013-01-02": slice(300, 600), "2013-01-01": slice(0, 300)}
    columns = {day: (label[part], prediction[part], score[part]) for day, part in parts.items()}
    kept = {**reference, "days": measure_days(reference, columns)}
    realised = daily_values(kept, "realised", "accuracy")
    assert [(day.day, day.n) for day in realised] == [("2013-01-01", 300), ("2013-01-02", 300)]
    correct = label == prediction
    assert [day.value for day in realised] == pytest.approx([correct[:300].mean(), correct[300:].mean()])
    assert [day.value for day in daily_values(kept, "estimated", "accuracy")] == pytest.approx([0.75, 0.75], abs=0.06)
    assert daily_values(reference, "realised", "accuracy") == []
