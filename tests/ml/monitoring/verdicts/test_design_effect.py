"""Days whose rows resemble each other: how much they say, and that verdicts on them do not cry wolf."""

import numpy as np
import pytest

from guard_core.project_settings.drift import DriftSettings
from guard_core.project_settings.drift_methods import CATEGORICAL_METHODS, NUMERIC_METHODS
from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.between_days import BaselineDays, baseline_days
from ml.monitoring.verdicts.design_effect import MINIMUM_DAYS
from ml.monitoring.verdicts.judge import judge
from tests.ml.monitoring.verdicts.samples import categorical, numeric, table

ROWS = 400


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def weather(rng: np.random.Generator, mean: float = 0.0) -> TableProfile:
    """A day with one temperature and little around it, and one favourite colour."""
    shares = rng.dirichlet(np.array([5.0, 3.0, 2.0]) + (20 * np.eye(3)[2] if mean else 0))
    colours = dict(zip("rgb", map(int, rng.multinomial(ROWS, shares)), strict=True))
    return table(
        feature_temp=numeric(rng.normal(mean + rng.normal(), 0.3, size=ROWS)), feature_colour=categorical(**colours)
    )


def describe(days: list[TableProfile], settings: DriftSettings | None = None) -> BaselineDays:
    return baseline_days(days, [number % 7 for number in range(len(days))], TableProfile.merge(days), settings)


def test_days_that_are_samples_of_one_distribution_have_no_design_effect(rng: np.random.Generator) -> None:
    days = [table(feature_x=numeric(rng.normal(size=ROWS)), y_pred=categorical(a=200, b=200)) for _ in range(30)]
    assert describe(days).design_effects == {}


def test_identical_rows_within_a_day_count_as_one(rng: np.random.Generator) -> None:
    days = [table(feature_x=numeric(np.full(ROWS, value))) for value in rng.permutation(np.arange(300.0))]
    effect = describe(days).design_effects["feature_x"]
    assert effect == pytest.approx(ROWS, rel=0.01)


def test_too_few_days_say_nothing_about_how_days_differ(rng: np.random.Generator) -> None:
    days = [weather(rng) for _ in range(MINIMUM_DAYS - 1)]
    assert describe(days).design_effects == {}


def test_columns_that_are_not_judged_or_change_their_kind_are_left_out(rng: np.random.Generator) -> None:
    days = [weather(rng) for _ in range(20)]
    without = DriftSettings.from_dict({"overrides": {"temp": {"judged": False}}})
    assert set(describe(days, without).design_effects) == {"feature_colour"}
    odd, weekdays = [table(feature_temp=categorical(warm=5)) for _ in range(20)], [0] * 20
    assert "feature_temp" not in baseline_days(odd, weekdays, TableProfile.merge(days)).design_effects


def _alarms(rng: np.random.Generator, settings: DriftSettings, *, mean: float, aware: bool) -> float:
    baseline = [weather(rng) for _ in range(60)]
    reference = TableProfile.merge(baseline)
    days = describe(baseline) if aware else BaselineDays()
    later = [weather(rng, mean) for _ in range(60)]
    reports = [
        judge(lambda k, e=end: later[e - k : e], reference, settings, days, weekday=(60 + end - 1) % 7)  # type: ignore[misc]
        for end in range(28, 60)
    ]
    return sum(report.state in {"drift", "warning"} for report in reports) / len(reports)


@pytest.mark.parametrize("method", NUMERIC_METHODS)
def test_unchanged_weather_alarms_every_day_unless_the_days_are_taken_for_what_they_are(
    rng: np.random.Generator, method: str
) -> None:
    settings = DriftSettings.from_dict({"numeric_method": method})
    assert _alarms(rng, settings, mean=0.0, aware=False) > 0.9
    assert _alarms(rng, settings, mean=0.0, aware=True) == 0


@pytest.mark.parametrize("method", CATEGORICAL_METHODS)
def test_another_climate_is_still_found(rng: np.random.Generator, method: str) -> None:
    settings = DriftSettings.from_dict({"categorical_method": method})
    assert _alarms(rng, settings, mean=2.5, aware=True) == 1


def test_a_verdict_says_how_many_rows_count_as_one(rng: np.random.Generator) -> None:
    days = [weather(rng) for _ in range(10)]
    reference = TableProfile.merge(days)
    described = describe(days)
    temp, _ = judge(lambda k: days[-k:], reference, None, described, weekday=2).columns
    assert temp.design_effect == described.design_effects["feature_temp"] > 50
    assert temp.state == "insufficient_data"
    assert "of a day say as much as one independent value" in temp.reason
