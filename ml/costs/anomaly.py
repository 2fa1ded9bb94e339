"""Whether a day has cost unusually much or little, beside the weeks before it.

What is usual is said in `usual.py`; who is told does not belong here.
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
    """A day's cost beside what was to be expected.

    Attributes
    ----------
    state : `high` and `low` are anomalies; `insufficient_data` and `no_data` say that nothing can be said.
    cost, expected : in the currency of the series; None where there is none.
    allowed : how far from `expected` a day may be without being an anomaly.
    lacking_days : how many more days it would take to say something.
    """

    state: State
    cost: float | None = None
    expected: float | None = None
    allowed: float | None = None
    lacking_days: int = 0

    @property
    def is_anomaly(self) -> bool:
        """Whether somebody should look at it."""
        return self.state in ("high", "low")


def cost_anomaly(
    costs: Costs, day: date, *, estimated: bool = False, least_amount: float = LEAST_AMOUNT
) -> CostVerdict:
    """Compare a day with its weekday and level of the eight weeks before.

    An anomaly lies more than five robust standard deviations [1]_, 20 % of what was expected and `least_amount` from it: near
    zero, where relative changes are large and mean nothing, days are normal. A day whose amounts are estimated may still
    grow: it can be `high`, but is not called `low`.

    Parameters
    ----------
    costs : cost by day, in one currency.
    day : the day to judge.
    estimated : whether the day's amount is not final.
    least_amount : what difference is worth a word, in the currency of the series.

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
    expected = usual.of(day)
    allowed = max(_STDS * usual.error(1), _SHARE * abs(expected), least_amount)
    state: State = "normal"
    if cost > expected + allowed:
        state = "high"
    elif cost < expected - allowed and not estimated:
        state = "low"
    return CostVerdict(state, cost, expected, allowed)
