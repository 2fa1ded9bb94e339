"""Odd days are called odd, usual ones are not: weekends, steps of the level, cents and half-known days included."""

from datetime import date, timedelta

import numpy as np
import pytest

from ml.costs.anomaly import cost_anomaly
from ml.costs.usual import lacking_days

FIRST = date(2026, 1, 5)  # a Monday
DAYS = [FIRST + timedelta(days=n) for n in range(120)]


def weekly(seed: int, *, noise: float = 3.0) -> dict[date, float]:
    rng = np.random.default_rng(seed)
    return {day: (30.0 if day.weekday() > 4 else 100.0) + rng.normal(0, noise) for day in DAYS}


def test_usual_days_are_normal_in_all_but_a_few_of_a_thousand() -> None:
    judged = [cost_anomaly(costs, day) for seed in range(20) for costs in [weekly(seed)] for day in DAYS[56:]]
    assert all(verdict.state != "insufficient_data" for verdict in judged)
    assert sum(verdict.is_anomaly for verdict in judged) <= 4


def test_a_weekend_at_the_price_of_a_weekday_is_high_and_a_weekday_at_that_of_a_weekend_low() -> None:
    costs = weekly(1)
    saturday, monday = FIRST + timedelta(days=61), FIRST + timedelta(days=63)
    assert cost_anomaly(costs | {saturday: 100.0}, saturday).state == "high"
    assert cost_anomaly(costs | {monday: 30.0}, monday).state == "low"


def test_a_day_that_may_still_grow_is_not_called_low() -> None:
    costs, monday = weekly(1), FIRST + timedelta(days=63)
    assert cost_anomaly(costs | {monday: 30.0}, monday, estimated=True).state == "normal"
    assert cost_anomaly(costs | {monday: 300.0}, monday, estimated=True).state == "high"


def test_one_odd_day_before_hides_nothing_and_makes_nothing_odd() -> None:
    costs, day = weekly(2), DAYS[70]
    costs[DAYS[60]] = 5_000.0
    assert cost_anomaly(costs, day).state == "normal"
    assert cost_anomaly(costs | {day: 200.0}, day).state == "high"


def test_a_step_of_the_level_is_an_anomaly_until_it_is_usual() -> None:
    costs = weekly(3)
    costs = {day: cost + (100.0 if day >= DAYS[70] else 0.0) for day, cost in costs.items()}
    assert cost_anomaly(costs, DAYS[70]).state == "high"
    assert cost_anomaly(costs, DAYS[90]).state == "normal"


def test_cents_that_double_are_normal() -> None:
    costs = dict.fromkeys(DAYS, 1.2e-06)
    assert cost_anomaly(costs | {DAYS[60]: 0.40}, DAYS[60]).state == "normal"
    assert cost_anomaly(costs | {DAYS[60]: 0.40}, DAYS[60], least_amount=0.1).state == "high"
    assert cost_anomaly(dict.fromkeys(DAYS, 0.0), DAYS[60]).state == "normal"


@pytest.mark.parametrize("known", [0, 7, 20])
def test_too_few_days_are_said_with_how_many_more_it_takes(known: int) -> None:
    costs = dict.fromkeys(DAYS[:known], 1.0) | {DAYS[known]: 100.0}
    verdict = cost_anomaly(costs, DAYS[known])
    assert (verdict.state, verdict.expected, verdict.lacking_days) == ("insufficient_data", None, 21 - known)
    enough = dict.fromkeys(DAYS[:21], 1.0) | {DAYS[21]: 100.0}
    assert cost_anomaly(enough, DAYS[21]).state == "high"


def test_a_weekday_that_was_never_seen_twice_is_not_judged() -> None:
    costs = {day: 1.0 for day in DAYS[:56] if day.weekday() != 6}
    assert lacking_days(costs, DAYS[56]) == 2


def test_a_day_without_a_figure_is_no_data() -> None:
    assert cost_anomaly({}, FIRST).state == "no_data"
