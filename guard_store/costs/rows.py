"""A day's costs as values: lines, and what is known of how complete they are. Keeping them does not belong here."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, get_args

CostSource = Literal["aws", "llm"]
PullState = Literal["ok", "partial", "unavailable"]
Basis = Literal["local_day", "utc_day"]
Metric = Literal["unblended", "amortised"]
SOURCES: Final[tuple[CostSource, ...]] = get_args(CostSource)


@dataclass(frozen=True, slots=True)
class CostLine:
    """What one service has cost in one day.

    Attributes
    ----------
    label : the value of the tag at AWS ("" where it has none), or the model.
    currency : as it was charged; never converted.
    unblended, amortised : as AWS defines them; of language models both are the same.
    """

    service: str
    label: str
    currency: str
    unblended: Decimal
    amortised: Decimal

    def amount(self, metric: Metric) -> Decimal:
        """The amount of this metric."""
        return self.unblended if metric == "unblended" else self.amortised


@dataclass(frozen=True, slots=True)
class CostDay:
    """What a local day of a project has cost at one source.

    Attributes
    ----------
    state : `ok`; `partial`, where something of the day is missing; `unavailable`, where there are no figures.
    reason : why it is not `ok`, or why figures that are there could not be refreshed.
    basis : `local_day`, or `utc_day` where AWS only knows its own days.
    estimated : whether amounts may still change.
    pulled_us : when the figures were read; None where there are none.
    """

    project_id: str
    day: str
    source: CostSource
    state: PullState
    reason: str | None
    basis: Basis
    estimated: bool
    pulled_us: int | None
    lines: tuple[CostLine, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether another pull could say nothing new."""
        return self.state == "ok" and not self.estimated

    def totals(self, metric: Metric = "unblended") -> dict[str, Decimal]:
        """The day's sum in each currency."""
        return total(self.lines, metric)


def total(lines: Iterable[CostLine], metric: Metric = "unblended") -> dict[str, Decimal]:
    """Sums by currency.

    >>> total([CostLine("S3", "", "USD", Decimal("0.1"), Decimal(0)), CostLine("EC2", "", "USD", Decimal("0.2"), Decimal(0))])
    {'USD': Decimal('0.3')}
    """
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line.currency] += line.amount(metric)
    return dict(sorted(sums.items()))
