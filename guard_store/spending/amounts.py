"""How much a call takes, in each of the measures that a budget can have, and the spans of local days that a budget counts over."""

from datetime import date, timedelta
from typing import Final, Literal, get_args

import msgspec

Measure = Literal["cost_usd", "tokens", "requests"]
Period = Literal["day", "month", "total"]
Scope = Literal["key", "project"]
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)
PERIODS: Final[tuple[Period, ...]] = get_args(Period)

"""Billionths of a dollar in a dollar: sums of them are exact."""


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """What a call took, or may take at most.

    Attributes
    ----------
    tokens_in, tokens_cached : of the prompt, and those of them that came from the provider's cache.
    tokens_out, tokens_reasoning : of the answer, and those of them that were spent on thinking.
    estimated : whether the tokens are ours, because the provider did not say.
    cost_nano_usd : billionths of a dollar; None where the price is not known.
    """

    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    tokens_reasoning: int = 0
    estimated: bool = False
    cost_nano_usd: int | None = 0

    def of(self, measure: Measure) -> int:
        """The part that a budget of this measure counts; a cost that is not known counts nothing."""
        if measure == "requests":
            return 1
        if measure == "tokens":
            return self.tokens_in + self.tokens_out
        return self.cost_nano_usd or 0


def span_of(period: Period, day: date) -> str:
    """The span of a period that a local day lies in, as it is kept.

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
    """The local day on which the next span begins; None where there is none.

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
