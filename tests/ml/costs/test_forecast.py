"""A month's forecast: right where days are as usual, honest where they are not known, and as sure as it says."""

from datetime import date, timedelta

import numpy as np
import pytest

from ml.costs.forecast import MonthForecast, month_forecast

FIRST = date(2026, 1, 1)
MAY = [date(2026, 5, n) for n in range(1, 32)]


def weekly(seed: int, *, noise: float = 5.0, growth: float = 0.0) -> dict[date, float]:
    rng = np.random.default_rng(seed)
    days = [FIRST + timedelta(days=n) for n in range(151)]
    level = np.cumsum(rng.normal(0, growth, len(days)))
    return {
        day: (30.0 if day.weekday() > 4 else 100.0) + step + rng.normal(0, noise)
        for day, step in zip(days, level, strict=True)
    }


def whole(forecast: MonthForecast) -> tuple[float, float, float]:
    assert forecast.expected is not None
    assert forecast.lower is not None
    assert forecast.upper is not None
    return forecast.lower, forecast.expected, forecast.upper


def test_a_month_of_constant_days_is_told_exactly() -> None:
    costs = {FIRST + timedelta(days=n): 2.5 for n in range(130)}
    assert whole(month_forecast(costs, date(2026, 5, 10))) == pytest.approx((77.5, 77.5, 77.5))


def test_weekdays_that_are_left_count_as_weekdays() -> None:
    costs = weekly(1, noise=0.01)
    for as_of in (date(2026, 5, 7), date(2026, 5, 29), date(2026, 4, 30)):
        _, expected, _ = whole(month_forecast(costs, as_of))
        month = [day for day in costs if (day.year, day.month) == (as_of.year, as_of.month)]
        assert expected == pytest.approx(sum(costs[day] for day in month), rel=0.001)


@pytest.mark.parametrize("growth", [0.0, 2.0])
def test_the_interval_holds_about_as_many_months_as_it_says(growth: float) -> None:
    held = []
    for seed in range(200):
        costs = weekly(seed, growth=growth)
        lower, _, upper = whole(month_forecast(costs, date(2026, 5, 10)))
        held.append(lower <= sum(costs[day] for day in MAY) <= upper)
    assert 0.68 < np.mean(held) < 0.95


def test_days_that_were_missed_are_estimated_too_and_not_taken_for_free() -> None:
    costs = weekly(2, noise=0.01)
    full = month_forecast(costs, date(2026, 5, 20))
    for n in (4, 5, 6):
        del costs[date(2026, 5, n)]
    missed = month_forecast(costs, date(2026, 5, 20))
    assert (full.unknown_days, missed.unknown_days, missed.known_days) == (11, 14, 17)
    assert whole(missed)[1] == pytest.approx(whole(full)[1], rel=0.001)


def test_one_odd_day_is_spent_but_is_not_expected_again() -> None:
    costs = weekly(3, noise=0.01)
    before = whole(month_forecast(costs, date(2026, 5, 20)))[1]
    costs[date(2026, 5, 18)] += 1_000
    assert whole(month_forecast(costs, date(2026, 5, 20)))[1] == pytest.approx(before + 1_000, rel=0.001)


def test_the_lower_end_is_never_below_what_is_spent_unless_there_are_credits() -> None:
    costs = weekly(4, noise=60.0)
    floored = {day: max(cost, 0.0) for day, cost in costs.items()}
    forecast = month_forecast(floored, date(2026, 5, 3), confidence=0.999)
    assert whole(forecast)[0] == forecast.spent
    credited = month_forecast(floored | {FIRST: -1.0}, date(2026, 5, 3), confidence=0.999)
    assert whole(credited)[0] < credited.spent


def test_too_little_is_said_and_a_month_that_is_over_needs_nothing() -> None:
    costs = dict.fromkeys(MAY[:10], 1.0)
    forecast = month_forecast(costs, MAY[9])
    assert (forecast.state, forecast.spent, forecast.expected, forecast.lacking_days) == (
        "insufficient_data", 10.0, None, 11,
    )  # fmt: skip
    over = month_forecast(dict.fromkeys(MAY, 1.0), MAY[-1])
    assert (over.state, over.unknown_days, whole(over)) == ("ok", 0, (31.0, 31.0, 31.0))
    with pytest.raises(ValueError, match="confidence"):
        month_forecast(costs, MAY[9], confidence=80)
