"""Requests and responses about costs. Amounts are exact, as decimal text; currencies are never added to each other."""

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
    """The cost of one service."""

    service: str
    label: str = Field(description="Value of the cost allocation tag at AWS, or the name of the language model.")


class AnomalyView(BaseModel):
    """The cost of a day compared with the eight weeks before it."""

    currency: str
    state: Literal["normal", "high", "low", "insufficient_data", "no_data"]
    cost: float | None
    expected: float | None
    allowed: float | None = Field(description="How far a day may be from `expected` without being an anomaly.")
    lacking_days: int = Field(description="How many more days of data are needed for a verdict.")

    @classmethod
    def of(cls, currency: str, verdict: CostVerdict) -> "AnomalyView":
        """Convert a verdict."""
        return cls(
            currency=currency,
            state=verdict.state,
            cost=verdict.cost,
            expected=verdict.expected,
            allowed=verdict.allowed,
            lacking_days=verdict.lacking_days,
        )


class SourceView(BaseModel):
    """The costs of a day from one source."""

    source: CostSource
    state: PullState
    reason: str | None = Field(description="Why the state is not `ok`, or why the amounts could not be refreshed.")
    basis: Basis = Field(description="`utc_day` if AWS reports only UTC days.")
    estimated: bool = Field(description="Whether amounts may still change.")
    pulled_at: datetime | None
    totals: list[SumView]
    services: list[ServiceView]
    anomalies: list[AnomalyView] = Field(description="Of the unblended amounts, by currency.")

    @classmethod
    def of(cls, day: CostDay, anomalies: list[AnomalyView]) -> "SourceView":
        """Convert the stored costs of a day."""
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
    """The costs of a project on a local day."""

    day: str
    state: PullState = Field(
        description="`partial` if a source is incomplete, or if some sources are unavailable and others are not."
    )
    basis: Basis
    estimated: bool
    totals: list[SumView]
    sources: list[SourceView]

    @classmethod
    def of(cls, day: str, cost_days: Collection[CostDay], sources: list[SourceView]) -> "CostDayView":
        """Combine the stored costs of a day from all sources."""
        return cls(
            day=day,
            state=state_of(cost_days),
            basis=basis_of(cost_days),
            estimated=any(cost_day.estimated for cost_day in cost_days),
            totals=sums_of(cost_days),
            sources=sources,
        )


class FailedDay(BaseModel):
    """A day that could not be read."""

    day: str
    reason: str


class PullView(BaseModel):
    """The result of a pull."""

    project_id: str
    start: str
    end: str
    state: PullState = Field(description="`unavailable` if no day was read, `partial` if some days were not.")
    reason: str | None
    requests: int = Field(description="Requests to Cost Explorer.")
    requests_cost_usd: Money = Field(description="What AWS charges for the requests: one cent each.")
    kept: list[str] = Field(description="Days that were already final and were not requested.")
    failed: list[FailedDay]
    days: list[CostDayView] = Field(description="All stored costs of the range after the pull.")


class UnitCostView(BaseModel):
    """Costs of a day in one currency, and per thousand predictions."""

    currency: str
    cloud: Money | None = Field(description="At AWS; null if unknown.")
    llm: Money | None = Field(description="Calls of language models, in US dollars; null if there are none.")
    total: Money = Field(description="Sum of the known costs.")
    per_1000_predictions: Money | None = Field(description="Null if there are no predictions.")


class ModelCostView(BaseModel):
    """The cloud costs that are allocated to a model by its share of the day's predictions."""

    model_id: str
    predictions: int
    share: float | None
    cloud: dict[str, Money] = Field(description="By currency.")
    per_1000_predictions: dict[str, Money] = Field(description="By currency; empty if there are no predictions.")


class LanguageModelCostView(BaseModel):
    """The cost of the calls of one language model."""

    model: str
    requests: int
    cost_usd: Money
    per_1000_requests_usd: Money | None
    unpriced: int = Field(description="Calls whose price is unknown.")


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
    """The expected cost of a whole month in one currency."""

    source: CostSource
    currency: str
    state: Literal["ok", "insufficient_data"]
    spent: float
    known_days: int
    unknown_days: int
    expected: float | None
    lower: float | None
    upper: float | None
    lacking_days: int = Field(description="How many more days of data are needed for a forecast.")

    @classmethod
    def of(cls, source: CostSource, currency: str, forecast: MonthForecast) -> "ForecastView":
        """Convert a forecast."""
        fields = {name: getattr(forecast, name) for name in MonthForecast.__dataclass_fields__}
        return cls(source=source, currency=currency, **fields)


class ForecastsView(BaseModel):
    """The expected costs of a month, by source and currency."""

    project_id: str
    month: str
    as_of: str = Field(description="Last local day whose costs are taken as known.")
    confidence: float
    items: list[ForecastView]


class ServiceMonthView(SumView):
    """The cost of one service at AWS in a month."""

    project_id: str
    service: str


class MonthView(BaseModel):
    """The costs of the present month, of one project or of all."""

    project_id: str | None = Field(description="Null for all projects.")
    month: str
    as_of: str = Field(description="Last local day that is over.")
    llm_usd: Money = Field(description="Calls of language models in this month up to now, as far as prices are known.")
    llm: ForecastView = Field(description="Of the calls of language models, from the days that are over.")
    aws: list[ServiceMonthView] = Field(description="Most expensive first.")


def sums_of(days: Collection[CostDay]) -> list[SumView]:
    """Sum over sources and services, by currency."""
    lines = [line for day in days for line in day.lines]
    amortised = total(lines, "amortised")
    return [
        SumView(currency=currency, unblended=amount, amortised=amortised[currency])
        for currency, amount in total(lines).items()
    ]


def state_of(days: Collection[CostDay]) -> PullState:
    """Return the common state of a day's sources, or `partial` if they differ."""
    states = {day.state for day in days}
    return states.pop() if len(states) == 1 else "partial"


def basis_of(days: Collection[CostDay]) -> Basis:
    """Return `utc_day` if any source has only UTC days."""
    return "utc_day" if any(day.basis == "utc_day" for day in days) else "local_day"
