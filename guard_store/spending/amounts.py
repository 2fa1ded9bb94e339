"""Amounts of a call in each measure of a budget, and the spans of local days over which a budget counts.

Budgets themselves are `budgets`.
"""

from datetime import date, timedelta
from typing import Final, Literal, get_args

import msgspec

Measure = Literal["cost_usd", "tokens", "requests"]
Period = Literal["day", "month", "total"]
Scope = Literal["key", "project"]
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)
PERIODS: Final[tuple[Period, ...]] = get_args(Period)


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """The usage of a call, or its upper bound.

    Attributes
    ----------
    tokens_in, tokens_cached : tokens of the prompt, and how many of them came from the provider's cache.
    tokens_cache_write : how many tokens of the prompt the provider has written to its cache, which may cost more; not stored.
    tokens_out, tokens_reasoning : tokens of the answer, and how many of them were spent on reasoning.
    estimated : whether the tokens are our estimate, because the provider reported none.
    cost_nano_usd : billionths of a dollar; None if the price is not known.
    """

    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_cache_write: int = 0
    tokens_out: int = 0
    tokens_reasoning: int = 0
    estimated: bool = False
    cost_nano_usd: int | None = 0

    def of(self, measure: Measure) -> int:
        """Return the amount in a measure; an unknown cost counts as 0."""
        if measure == "requests":
            return 1
        if measure == "tokens":
            return self.tokens_in + self.tokens_out
        return self.cost_nano_usd or 0


def span_of(period: Period, day: date) -> str:
    """Return the span of a period that includes a local day, as it is stored.

    >>> span_of("day", date(2026, 3, 9)), span_of("month", date(2026, 3, 9)), span_of("total", date(2026, 3, 9))
    ('2026-03-09', '2026-03', 'total')
    """
    match period:
        case "day":
            return day.isoformat()
        case "month":
            return day.isoformat()[:7]
        case "total":
            return "total"


def first_day_after(period: Period, day: date) -> date | None:
    """Return the local day on which the next span begins; None if there is none.

    >>> first_day_after("day", date(2026, 12, 31)), first_day_after("month", date(2026, 12, 5))
    (datetime.date(2027, 1, 1), datetime.date(2027, 1, 1))
    """
    match period:
        case "day":
            return day + timedelta(days=1)
        case "month":
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        case "total":
            return None
