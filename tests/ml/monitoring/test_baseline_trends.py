"""Trends inside a baseline: found where values rise or fall, not where days merely differ or resemble their neighbours."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ml.monitoring.baseline_trends import baseline_trends, describe_trends
from ml.monitoring.profiles.numeric import NumericProfile
from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.between_days import BaselineDays, ColumnDays, baseline_days

COLUMNS = [f"feature_{number}" for number in range(20)]
UNIFORM = NumericProfile.from_values(np.linspace(0, 1, 1_000))
REFERENCE = TableProfile(1_000, dict.fromkeys(COLUMNS, UNIFORM))
DEVIATION = 0.287

Floats = NDArray[np.float64]


def day_effects(rng: np.random.Generator, days: int, correlation: float, size: float = 0.3) -> Floats:
    """Day effects by a stationary AR(1) process, in standard deviations of the values."""
    noise = rng.normal(size=days + 50)
    effects = np.zeros_like(noise)
    for day in range(1, effects.size):
        effects[day] = correlation * effects[day - 1] + np.sqrt(1 - correlation**2) * noise[day]
    return size * effects[50:]


def of_effects(effects: Floats) -> ColumnDays:
    return ColumnDays((0.5 + DEVIATION * effects[:, np.newaxis]).tolist(), [n % 7 for n in range(len(effects))], 1.0)


@pytest.mark.parametrize("days", [14, 28, 60])
@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_days_that_resemble_their_neighbours_are_no_trend(days: int, correlation: float) -> None:
    rng = np.random.default_rng(days)
    false_alarms = 0
    for _ in range(60):
        columns = {name: of_effects(day_effects(rng, days, correlation)) for name in COLUMNS}
        false_alarms += bool(baseline_trends(BaselineDays({}, columns), REFERENCE))
    assert false_alarms <= 2


def test_a_column_that_rises_among_others_is_found_with_its_change() -> None:
    rng = np.random.default_rng(1)
    columns = {name: of_effects(day_effects(rng, 28, 0.3)) for name in COLUMNS}
    columns["feature_3"] = of_effects(day_effects(rng, 28, 0.0, 0.15) + np.linspace(-1, 1, 28))
    columns["feature_5"] = of_effects(day_effects(rng, 28, 0.0, 0.15) - np.linspace(-1, 1, 28))
    trends = baseline_trends(BaselineDays({}, columns), REFERENCE)
    assert set(trends) == {"feature_3", "feature_5"}
    assert trends["feature_3"] == pytest.approx(4 / 3, abs=0.2)
    assert trends["feature_5"] == pytest.approx(-4 / 3, abs=0.2)


def test_a_trend_is_found_from_profiles_beside_a_weekly_wave() -> None:
    rng = np.random.default_rng(2)
    means = np.linspace(0, 2, 28) + 0.5 * np.sin(2 * np.pi * np.arange(28) / 7)
    days = [TableProfile(300, {"feature_t": NumericProfile.from_values(rng.normal(mean, size=300))}) for mean in means]
    reference = TableProfile.merge(days)
    trends = baseline_trends(baseline_days(days, [n % 7 for n in range(28)], reference), reference)
    assert trends["feature_t"] == pytest.approx(1.2, abs=0.2)


@pytest.mark.parametrize("days", [13, 14])
def test_fourteen_days_are_needed(days: int) -> None:
    rising = BaselineDays({}, {"feature_0": of_effects(np.linspace(-1, 1, days))})
    reference = TableProfile(1_000, {"feature_0": UNIFORM})
    assert len(baseline_trends(rising, reference)) == (days == 14)


def test_a_small_change_is_no_trend_however_significant() -> None:
    rising = BaselineDays({}, {"feature_0": of_effects(np.linspace(-0.2, 0.2, 60))})
    assert baseline_trends(rising, TableProfile(1_000, {"feature_0": UNIFORM})) == {}


def test_the_sentence_names_at_most_five_columns() -> None:
    assert describe_trends([], "2013-01-01", "2013-01-28") == ""
    assert describe_trends(COLUMNS[:7], "2013-01-01", "2013-01-28").startswith("0, 1, 2, 3 and 3 more changed steadily")
