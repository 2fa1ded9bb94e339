"""Days of a baseline against newer days: seen soon, false seldom, weekdays for what they are."""

import numpy as np
import pytest

from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.between_days import (
    BaselineDays,
    ColumnDays,
    are_enough_days,
    baseline_days,
    baseline_days_needed,
    days_p_value,
    profiles_of_days,
)
from ml.monitoring.verdicts.day_scores import size_of_change
from ml.monitoring.verdicts.judge import judge
from ml.monitoring.verdicts.rank_sum import rank_sum_p_value, smallest_p_value
from ml.monitoring.verdicts.report import ColumnVerdict
from tests.ml.monitoring.verdicts.samples import categorical, numeric, table

ROWS = 1_000
WAVE = np.sin(2 * np.pi * np.arange(7) / 7)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def day(
    rng: np.random.Generator, weekday: int, *, wave: float = 0.3, effect: float = 0.3, shift: float = 0.0
) -> TableProfile:
    mean = wave * WAVE[weekday] + effect * rng.normal() + shift
    return table(feature_x=numeric(rng.normal(mean, size=ROWS)))


def weeks(rng: np.random.Generator, count: int, **how: float) -> list[TableProfile]:
    return [day(rng, n % 7, **how) for n in range(7 * count)]


def describe(days: list[TableProfile]) -> BaselineDays:
    return baseline_days(days, [n % 7 for n in range(len(days))], TableProfile.merge(days))


def verdict(baseline: list[TableProfile], newest: list[TableProfile]) -> ColumnVerdict:
    reference = TableProfile.merge(baseline)
    weekday = (len(newest) - 1) % 7
    (only,) = judge(lambda k: newest[-k:], reference, None, describe(baseline), weekday).columns
    return only


def test_the_rank_sum_is_that_of_scipy_without_ties(rng: np.random.Generator) -> None:
    from scipy.stats import mannwhitneyu

    for n, m in ((5, 28), (7, 14), (28, 31)):
        first, second = rng.normal(size=m), rng.normal(0.5, size=n)
        expected = mannwhitneyu(second, first, method="exact").pvalue
        assert rank_sum_p_value(first, second) == pytest.approx(expected, rel=1e-12)


def test_ties_never_make_a_p_value_smaller(rng: np.random.Generator) -> None:
    first, second = rng.integers(0, 3, 20).astype(float), rng.integers(1, 4, 6).astype(float)
    broken = [
        rank_sum_p_value(first + 1e-9 * rng.normal(size=20), second + 1e-9 * rng.normal(size=6)) for _ in range(20)
    ]
    assert rank_sum_p_value(first, second) >= min(broken)
    assert smallest_p_value(5, 28) == pytest.approx(2 / 237_336)


def test_a_shift_is_called_within_days_although_rows_of_a_day_count_little(rng: np.random.Generator) -> None:
    baseline, before = weeks(rng, 4), weeks(rng, 4)
    assert verdict(baseline, before).state != "drift"
    found = verdict(baseline, [*before, *weeks(rng, 1, shift=1.0)])
    assert (found.state, found.window_days) == ("drift", 7)


def test_a_weekly_wave_is_no_reason_for_waiting_and_no_alarm(rng: np.random.Generator) -> None:
    baseline = weeks(rng, 4, wave=1.0, effect=0.0)
    described = describe(baseline)
    assert described.design_effects["feature_x"] > 100
    assert described.columns["feature_x"].weekly_design_effect < 3
    same = weeks(rng, 4, wave=1.0, effect=0.0)
    states = [verdict(baseline, same[: n + 1]).state for n in range(13, 28)]
    assert set(states) <= {"stable", "insufficient_data"}
    assert verdict(baseline, same).state == "stable"


def test_days_that_are_not_there_count_for_nothing(rng: np.random.Generator) -> None:
    newest = [day(rng, 0), None, day(rng, 2), TableProfile(0, {})]
    profiles, weekdays = profiles_of_days(newest, "feature_x", day(rng, 0).columns["feature_x"], weekday=3)
    assert (len(profiles), weekdays) == (2, [0, 2])


def test_without_three_days_of_each_weekday_only_whole_weeks_are_compared(rng: np.random.Generator) -> None:
    described = describe(weeks(rng, 2))
    assert not described.columns["feature_x"].has_weekdays
    short = verdict(weeks(rng, 2), [*weeks(rng, 1), *weeks(rng, 1, shift=3.0)[:5]])
    assert short.window_days in {1, 2, 4, 7, 14, 28}


def test_too_few_days_of_baseline_name_the_number_that_it_takes() -> None:
    scores = [[0.5 + 0.055 * (-1) ** n] for n in range(21)]
    days = ColumnDays(scores, [n % 7 for n in range(21)], 50.0)
    reference = numeric(np.random.default_rng(1).normal(size=5000))
    assert not are_enough_days(days, size_of_change(reference, 10, 0.05), 1e-5, 28)
    needed = baseline_days_needed(days, size_of_change(reference, 10, 0.05), 1e-5, 28)
    assert needed is not None
    assert needed > 21
    assert baseline_days_needed(days, size_of_change(reference, 10, 0.001), 1e-5, 28) is None


def test_categories_are_compared_by_the_shares_of_the_most_frequent(rng: np.random.Generator) -> None:
    def colours(mean: float) -> TableProfile:
        red = int(rng.normal(mean, 60))
        return table(feature_c=categorical(red=red, blue=ROWS - red))

    baseline = [colours(600) for _ in range(28)]
    newest = [*(colours(600) for _ in range(21)), *(colours(400) for _ in range(7))]
    found = verdict(baseline, newest)
    assert found.state == "drift"


def test_unchanged_days_are_called_as_seldom_as_promised(rng: np.random.Generator) -> None:
    p_values = []
    for _ in range(300):
        scores = rng.standard_t(4, size=(35, 2))
        days = ColumnDays(scores[:28].tolist(), [n % 7 for n in range(28)], 50.0)
        p_values.append(days_p_value(days, scores[28:], [n % 7 for n in range(7)]))
    assert np.mean(np.array(p_values) <= 0.05) < 0.09


def test_days_survive_storage(rng: np.random.Generator) -> None:
    described = describe(weeks(rng, 4))
    stored = BaselineDays.from_dict(described.design_effects, described.to_dict())
    assert stored == described
    assert BaselineDays.from_dict({"feature_x": 2.0}, None).columns == {}
