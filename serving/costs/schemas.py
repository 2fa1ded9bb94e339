"""Costs as they are asked for and shown. Money is decimal text, exact; currencies are never added to each other."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, Field, PlainSerializer

from guard_core.days import from_microseconds
from guard_store.costs.rows import Basis, CostDay, CostSource, PullState, total
from ml.costs.anomaly import CostVerdict
from ml.costs.forecast import MonthForecast

Money = Annotated[Decimal, PlainSerializer(lambda amount: format(amount, "f"), return_type=str)]


class SumView(BaseModel):
    """A sum in one currency."""

    currency: str
    unblended: Money
    amortised: Money


class ServiceView(SumView):
    """What one service has cost."""

    service: str
    label: str = Field(description="Value of the tag at AWS, or the model.")


class AnomalyView(BaseModel):
    """A day's cost beside the eight weeks before it."""

    currency: str
    state: Literal["normal", "high", "low", "insufficient_data", "no_data"]
    cost: float | None
    expected: float | None
    allowed: float | None = Field(description="How far from `expected` a day may be without being an anomaly.")
    lacking_days: int = Field(description="How many more days it would take to say something.")

    @classmethod
    def of(cls, currency: str, verdict: CostVerdict) -> "AnomalyView":
        """Show a verdict."""
        return cls(
            currency=currency,
            state=verdict.state,
            cost=verdict.cost,
            expected=verdict.expected,
            allowed=verdict.allowed,
            lacking_days=verdict.lacking_days,
        )


class SourceView(BaseModel):
    """A day at one source."""

    source: CostSource
    state: PullState
    reason: str | None = Field(description="Why it is not `ok`, or why its figures could not be refreshed.")
    basis: Basis = Field(description="`utc_day` where AWS only knows its own days.")
    estimated: bool = Field(description="Whether amounts may still change.")
    pulled_at: datetime | None
    totals: list[SumView]
    services: list[ServiceView]
    anomalies: list[AnomalyView] = Field(description="By currency, of the unblended amounts.")

    @classmethod
    def of(cls, day: CostDay, anomalies: list[AnomalyView]) -> "SourceView":
        """Show a day."""
        services = [
            ServiceView(
                service=line.service,
                label=line.label,
                currency=line.currency,
                unblended=line.unblended,
                amortised=line.amortised,
            )
            for line in day.lines
        ]
        return cls(
            source=day.source,
            state=day.state,
            reason=day.reason,
            basis=day.basis,
            estimated=day.estimated,
            pulled_at=None if day.pulled_us is None else from_microseconds(day.pulled_us),
            totals=sums_of([day]),
            services=services,
            anomalies=anomalies,
        )


class CostDayView(BaseModel):
    """A local day of a project."""

    day: str
    state: PullState = Field(
        description="`partial` where a source lacks something, or is unavailable and another is not."
    )
    basis: Basis
    estimated: bool
    totals: list[SumView]
    sources: list[SourceView]

    @classmethod
    def of(cls, day: str, found: Collection[CostDay], sources: list[SourceView]) -> "CostDayView":
        """Show a day."""
        return cls(
            day=day,
            state=state_of(found),
            basis=basis_of(found),
            estimated=any(one.estimated for one in found),
            totals=sums_of(found),
            sources=sources,
        )


class FailedDay(BaseModel):
    """A day that could not be read."""

    day: str
    reason: str


class PullView(BaseModel):
    """What a pull came to."""

    project_id: str
    start: str
    end: str
    state: PullState = Field(description="`unavailable` where no day was read, `partial` where some were not.")
    reason: str | None
    requests: int = Field(description="To Cost Explorer.")
    requests_cost_usd: Money = Field(description="What AWS charges for them: a cent each.")
    kept: list[str] = Field(description="Days that were final already and were not asked for.")
    failed: list[FailedDay]
    days: list[CostDayView] = Field(description="All that is known of the range now.")


class UnitCostView(BaseModel):
    """Costs of a day in one currency, and for a thousand predictions."""

    currency: str
    cloud: Money | None = Field(description="At AWS; null where it is not known.")
    llm: Money | None = Field(description="Calls of language models, in US dollars; null where there are none.")
    total: Money = Field(description="Of what is known.")
    per_1000_predictions: Money | None = Field(description="Null where there are no predictions.")


class ModelCostView(BaseModel):
    """A model's share of the cloud's costs, by its share of the day's predictions."""

    model_id: str
    predictions: int
    share: float | None
    cloud: dict[str, Money] = Field(description="By currency.")
    per_1000_predictions: dict[str, Money] = Field(description="By currency; empty where there are no predictions.")


class LanguageModelCostView(BaseModel):
    """What calls of one language model cost."""

    model: str
    requests: int
    cost_usd: Money
    per_1000_requests_usd: Money | None
    unpriced: int = Field(description="Calls whose price is not known.")


class UnitDayView(BaseModel):
    """The unit economics of a local day."""

    day: str
    state: PullState
    basis: Basis
    estimated: bool
    predictions: int
    costs: list[UnitCostView]
    models: list[ModelCostView]
    llm_models: list[LanguageModelCostView]


class ForecastView(BaseModel):
    """The cost of a whole month in one currency."""

    source: CostSource
    currency: str
    state: Literal["ok", "insufficient_data"]
    spent: float
    known_days: int
    unknown_days: int
    expected: float | None
    lower: float | None
    upper: float | None
    lacking_days: int = Field(description="How many more days it would take.")

    @classmethod
    def of(cls, source: CostSource, currency: str, forecast: MonthForecast) -> "ForecastView":
        """Show a forecast."""
        said = {name: getattr(forecast, name) for name in MonthForecast.__dataclass_fields__}
        return cls(source=source, currency=currency, **said)


class ForecastsView(BaseModel):
    """What a month comes to."""

    project_id: str
    month: str
    as_of: str = Field(description="Last local day whose costs count as known.")
    confidence: float
    items: list[ForecastView]


def sums_of(days: Collection[CostDay]) -> list[SumView]:
    """Sums over sources, by currency."""
    lines = [line for day in days for line in day.lines]
    amortised = total(lines, "amortised")
    return [
        SumView(currency=currency, unblended=amount, amortised=amortised[currency])
        for currency, amount in total(lines).items()
    ]


def state_of(days: Collection[CostDay]) -> PullState:
    """The state of a day over its sources."""
    states = {day.state for day in days}
    return states.pop() if len(states) == 1 else "partial"


def basis_of(days: Collection[CostDay]) -> Basis:
    """`utc_day` as soon as one source has only that."""
    return "utc_day" if any(day.basis == "utc_day" for day in days) else "local_day"
