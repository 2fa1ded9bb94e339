"""Anomalies of daily costs: a day compared with the weeks before it.

The expected cost is computed in `usual.py`; sending alerts does not belong here.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ml.costs.usual import Costs, lacking_days, usual_costs

State = Literal["normal", "high", "low", "insufficient_data", "no_data"]
_STDS = 5.0
_SHARE = 0.2
LEAST_AMOUNT = 1.0


@dataclass(frozen=True, slots=True)
class CostVerdict:
    """A day's cost compared with the expected one.

    Attributes
    ----------
    state : `high` and `low` are anomalies; with `insufficient_data` and `no_data` the day cannot be judged.
    cost, expected : in the currency of the series; None if there is none.
    allowed : largest deviation from `expected` that is not an anomaly.
    lacking_days : at least so many more days are needed before a day can be judged.
    """

    state: State
    cost: float | None = None
    expected: float | None = None
    allowed: float | None = None
    lacking_days: int = 0

    @property
    def is_anomaly(self) -> bool:
        """Whether the day cost unusually much or little."""
        return self.state in ("high", "low")


def cost_anomaly(
    costs: Costs, day: date, *, estimated: bool = False, least_amount: float = LEAST_AMOUNT
) -> CostVerdict:
    """Compare a day with its weekday and level of the eight weeks before.

    An anomaly deviates from the expected cost by more than five robust standard deviations [1]_, by more than 20 % of it and by more
    than `least_amount`: near zero, where relative changes are large and meaningless, days are normal. A day whose amount is an
    estimate may still grow: it can be `high`, but never `low`.

    Parameters
    ----------
    costs : cost by day, in one currency.
    day : the day to judge.
    estimated : whether the day's amount is not final.
    least_amount : smallest deviation worth reporting, in the currency of the series.

    References
    ----------
    .. [1] B. Iglewicz and D. Hoaglin, "How to Detect and Handle Outliers", ASQC, 1993: modified z-scores by MAD.

    Examples
    --------
    >>> import numpy as np
    >>> from datetime import timedelta
    >>> rng = np.random.default_rng(1)
    >>> days = [date(2026, 1, 5) + timedelta(days=n) for n in range(57)]
    >>> costs = {d: (20.0 if d.weekday() > 4 else 100.0) + rng.normal(0, 2) for d in days}
    >>> cost_anomaly(costs, days[-1]).state
    'normal'
    >>> cost_anomaly(costs | {days[-1]: 160.0}, days[-1]).state, cost_anomaly(costs | {days[-1]: 20.0}, days[-1]).state
    ('high', 'low')
    >>> cost_anomaly(costs, days[14]).lacking_days
    7
    """
    if day not in costs:
        return CostVerdict("no_data")
    cost, usual = float(costs[day]), usual_costs(costs, day)
    if usual is None:
        return CostVerdict("insufficient_data", cost, lacking_days=lacking_days(costs, day))
    expected = usual.expect(day)
    allowed = max(_STDS * usual.error(1), _SHARE * abs(expected), least_amount)
    state: State = "normal"
    if cost > expected + allowed:
        state = "high"
    elif cost < expected - allowed and not estimated:
        state = "low"
    return CostVerdict(state, cost, expected, allowed)
