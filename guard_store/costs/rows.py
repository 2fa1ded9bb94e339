"""Costs of a day as values: lines, and how complete they are.

Storing them is `store`.
"""

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
    """The cost of one service on one day.

    Attributes
    ----------
    label : value of the AWS tag ("" without one), or the model.
    currency : the currency that was charged; amounts are never converted.
    unblended, amortised : as AWS defines them; equal for language models.
    """

    service: str
    label: str
    currency: str
    unblended: Decimal
    amortised: Decimal

    def amount(self, metric: Metric) -> Decimal:
        """Return the amount by this metric."""
        return self.unblended if metric == "unblended" else self.amortised


@dataclass(frozen=True, slots=True)
class CostDay:
    """The costs of a local day of a project at one source.

    Attributes
    ----------
    state : `ok`; `partial` if a part of the day is missing; `unavailable` if there are no figures.
    reason : why the state is not `ok`, or why existing figures could not be refreshed.
    basis : `local_day`, or `utc_day` if AWS reports only days of UTC.
    estimated : whether amounts may still change.
    pulled_us : when the figures were read; None if there are none.
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
        """Whether another pull cannot change the figures."""
        return self.state == "ok" and not self.estimated

    def totals(self, metric: Metric = "unblended") -> dict[str, Decimal]:
        """Return the sum of the day by currency."""
        return total(self.lines, metric)


def total(lines: Iterable[CostLine], metric: Metric = "unblended") -> dict[str, Decimal]:
    """Return the sums of lines by currency.

    >>> total([CostLine("S3", "", "USD", Decimal("0.1"), Decimal(0)), CostLine("EC2", "", "USD", Decimal("0.2"), Decimal(0))])
    {'USD': Decimal('0.3')}
    """
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line.currency] += line.amount(metric)
    return dict(sorted(sums.items()))
