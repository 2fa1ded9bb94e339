"""Forecast of a month's cost: the sum of its known days and the expected cost of the others.

The expected cost of a day is computed in `usual.py`; budgets do not belong here.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from scipy.stats import t as student

from ml.costs.usual import Costs, lacking_days, usual_costs

DEFAULT_CONFIDENCE = 0.8


@dataclass(frozen=True, slots=True)
class MonthForecast:
    """A month's cost, in the currency of the series.

    Attributes
    ----------
    state : `insufficient_data` if the unknown days cannot be forecast.
    spent : sum of the known days.
    known_days, unknown_days : days of the month with and without a known cost; future days and gaps are unknown.
    expected, lower, upper : cost of the whole month and its interval; None without enough data.
    lacking_days : at least so many more days are needed for a forecast.
    """

    state: Literal["ok", "insufficient_data"]
    spent: float
    known_days: int
    unknown_days: int
    expected: float | None = None
    lower: float | None = None
    upper: float | None = None
    lacking_days: int = 0


def month_forecast(costs: Costs, as_of: date, confidence: float = DEFAULT_CONFIDENCE) -> MonthForecast:
    """Forecast the cost of a whole calendar month from the end of one of its days.

    Each unknown day has the expected cost of its weekday at the present level. The interval is that of Student's t around
    the sum, with variance σ² (h + h² (π/2)/14) + τ² (14 h² + h³)/21 for h unknown days: the scatter of the days, the error of
    the level (a median of 14 days), and the past and future movement of a level that changes by τ a week [1]_.

    Parameters
    ----------
    costs : cost by day; days after `as_of` are ignored.
    as_of : last day that can be known.
    confidence : nominal coverage of the interval, between 0 and 1.

    Raises
    ------
    ValueError
        If the confidence is not between 0 and 1.

    References
    ----------
    .. [1] R. Hyndman and G. Athanasopoulos, "Forecasting: Principles and Practice", 3rd ed., OTexts, 2021, ch. 5 and 8.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> days = [date(2026, 1, 5) + timedelta(days=n) for n in range(62)]
    >>> costs = {d: (20.0 if d.weekday() > 4 else 100.0) + rng.normal(0, 5) for d in days}
    >>> forecast = month_forecast(costs, date(2026, 3, 7))
    >>> forecast.known_days, round(forecast.spent), round(forecast.expected), round(forecast.upper - forecast.lower)
    (7, 533, 2395, 96)
    >>> month_forecast(costs, date(2026, 1, 10)).lacking_days
    15
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: must be between 0 and 1, got {confidence!r}")
    month = [as_of.replace(day=n + 1) for n in range(monthrange(as_of.year, as_of.month)[1])]
    known_costs = [float(costs[day]) for day in month if day <= as_of and day in costs]
    unknown = [day for day in month if day > as_of or day not in costs]
    spent = sum(known_costs)
    if not unknown:
        return MonthForecast("ok", spent, len(known_costs), 0, spent, spent, spent)
    following = as_of + timedelta(days=1)
    usual = usual_costs(costs, following)
    if usual is None:
        lacking = lacking_days(costs, following)
        return MonthForecast("insufficient_data", spent, len(known_costs), len(unknown), lacking_days=lacking)
    expected = spent + sum(usual.expect(day) for day in unknown)
    reach = float(student.ppf((1 + confidence) / 2, usual.freedom)) * usual.error(len(unknown))
    credited = min(costs.values()) < 0
    lower = expected - reach if credited else max(expected - reach, spent)
    return MonthForecast("ok", spent, len(known_costs), len(unknown), expected, lower, expected + reach)
