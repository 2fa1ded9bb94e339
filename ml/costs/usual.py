"""The expected cost of a day: a level, an effect of the weekday, and the spread of days about both.

All estimates are medians, so that neither an outlier nor one step of the level distorts them. Anomalies and forecasts do not belong
here; they are in `anomaly.py` and `forecast.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

WINDOW_WEEKS = 8
MINIMUM_DAYS = 21
_MINIMUM_WEEKDAY = 2
_MINIMUM_WEEK = 4
_LEVEL_DAYS = 14
_ROBUST_STD = 1.4826  # of the median absolute deviation, for a normal distribution
_MEDIAN_VARIANCE = math.pi / 2  # of a median, as a multiple of that of a mean
_MOVE_OF_MEANS = 1.5  # weeks' levels are means of seven steps: they move by two thirds of the steps' variance

Floats = NDArray[np.float64]
Costs = Mapping[date, float | Decimal]
"""Cost by day, in one currency; unknown days are absent."""


@dataclass(frozen=True, slots=True)
class Usual:
    """A model of daily costs.

    Attributes
    ----------
    level : cost of a day without the effect of its weekday.
    weekdays : effect of each weekday, to be added to the level, Monday first.
    spread : standard deviation of a day about its week's level.
    drift : standard deviation of the change of level from one week to the next.
    days : number of days that the model is estimated from.
    freedom : degrees of freedom of the spread.
    """

    level: float
    weekdays: tuple[float, ...]
    spread: float
    drift: float
    days: int
    freedom: int

    def expect(self, day: date) -> float:
        """Return the expected cost of a day."""
        return self.level + self.weekdays[day.weekday()]

    def error(self, days: int) -> float:
        """Return the standard deviation of the sum of the next days about its expected value."""
        noise = self.spread**2 * (days + days**2 * _MEDIAN_VARIANCE / _LEVEL_DAYS)
        return math.sqrt(noise + self.drift**2 * (days**2 * _LEVEL_DAYS / 21 + days**3 / 21))


def lacking_days(costs: Costs, before: date) -> int:
    """Return how many more days, at least, are needed to estimate the expected cost; 0 if there are enough."""
    _, weekdays, _ = _window(costs, before)
    counts = np.bincount(weekdays, minlength=7)
    return max(MINIMUM_DAYS - len(weekdays), int(np.maximum(_MINIMUM_WEEKDAY - counts, 0).sum()), 0)


def usual_costs(costs: Costs, before: date) -> Usual | None:
    """Estimate what days cost from the eight weeks before a day; return None if `lacking_days` is not 0.

    With y the cost of a day d, w its weekday and k its week (counted back from `before`), S_w is the median over weeks of
    y - median of week k; the level is the median of y - S_w over the last 14 days; the spread is 1.4826 times the median
    absolute deviation of y - S_w about its week's median [1]_, enlarged for the parameters estimated from the same days; the
    drift is how much more the weeks' medians move than medians of seven such days do by chance, as in a local level
    model [2]_.

    Parameters
    ----------
    costs : cost by day.
    before : the first day that is not used.

    References
    ----------
    .. [1] P. Rousseeuw and C. Croux, "Alternatives to the median absolute deviation", JASA 88, 1993.
    .. [2] J. Durbin and S. Koopman, "Time Series Analysis by State Space Methods", Oxford, 2012, ch. 2.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> days = [date(2026, 1, 5) + timedelta(days=n) for n in range(56)]
    >>> costs = {d: (20.0 if d.weekday() > 4 else 100.0) + rng.normal(0, 5) for d in days}
    >>> usual = usual_costs(costs, date(2026, 3, 2))
    >>> round(usual.expect(date(2026, 3, 2))), round(usual.expect(date(2026, 3, 7))), round(usual.spread)
    (101, 20, 4)
    >>> usual_costs(costs, date(2026, 1, 20)) is None, lacking_days(costs, date(2026, 1, 20))
    (True, 6)
    """
    if lacking_days(costs, before):
        return None
    ages, weekdays, amounts = _window(costs, before)
    weeks = (ages - 1) // 7
    shape = _by_weekday(amounts - _week_levels(weeks, amounts), weekdays)
    plain = amounts - shape[weekdays]
    levels = _week_levels(weeks, plain)
    valid = ~np.isnan(levels)
    freedom = max(int(valid.sum()) - 6 - len(np.unique(weeks[valid])), 1)
    deviation = _ROBUST_STD * float(np.median(np.abs(plain[valid] - levels[valid])))
    spread = deviation * math.sqrt(valid.sum() / freedom)
    level = float(np.median(plain[ages <= _LEVEL_DAYS])) if (ages <= _LEVEL_DAYS).any() else float(np.median(plain))
    return Usual(level, tuple(map(float, shape)), spread, _drift(weeks, levels, spread), len(amounts), freedom)


def _window(costs: Costs, before: date) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return ages in days, weekdays and amounts of the trailing weeks."""
    days = [before - timedelta(days=age) for age in range(1, 7 * WINDOW_WEEKS + 1)]
    days = [day for day in days if day in costs]
    ages = np.array([(before - day).days for day in days], np.int64)
    weekdays = np.array([day.weekday() for day in days], np.int64)
    return ages, weekdays, np.array([costs[day] for day in days], np.float64)


def _week_levels(weeks: NDArray[np.int64], amounts: Floats) -> Floats:
    """Return the median of each day's week; NaN in weeks with too few days."""
    levels = np.full(len(amounts), np.nan)
    for week in np.unique(weeks):
        in_week = weeks == week
        if in_week.sum() >= _MINIMUM_WEEK:
            levels[in_week] = np.median(amounts[in_week])
    return levels


def _by_weekday(deviations: Floats, weekdays: NDArray[np.int64]) -> Floats:
    shape = np.zeros(7)
    for weekday in range(7):
        values = deviations[(weekdays == weekday) & ~np.isnan(deviations)]
        shape[weekday] = np.median(values) if values.size else 0.0
    return shape


def _drift(weeks: NDArray[np.int64], levels: Floats, spread: float) -> float:
    valid = ~np.isnan(levels)
    _, first = np.unique(weeks[valid], return_index=True)
    moves = np.diff(levels[valid][first])
    if not moves.size:
        return 0.0
    movement = (_ROBUST_STD * float(np.median(np.abs(moves)))) ** 2
    noise = 2 * _MEDIAN_VARIANCE * spread**2 / 7
    return math.sqrt(max(movement - noise, 0.0) * _MOVE_OF_MEANS)
