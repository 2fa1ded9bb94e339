"""Requests and responses about usage and budgets; money is in US dollars here, in billionths of them in the store."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from guard_core.days import from_microseconds
from guard_core.units import NANO
from guard_store.spending.amounts import Measure, Period, Scope
from guard_store.spending.budgets import BudgetStatus
from guard_store.spending.latencies import percentile_ms
from guard_store.spending.usage import USAGE_GROUPS, UsageGroup, UsageRow

Amount = Annotated[Decimal, Field(ge=0, le=10**9)]


class DaysQuery(BaseModel):
    """A range of local days, of one project or of all."""

    model_config = ConfigDict(extra="forbid")

    start: date | None = Field(None, description="First local day; 30 days before `end` by default.")
    end: date | None = Field(None, description="Last local day; today by default.")
    project_id: str | None = Field(None, description="Only this project.")


class UsageQuery(DaysQuery):
    """Which usage to read, and its grouping."""

    group_by: str = Field(
        "day", description="Any of day, project_id, key_id, end_user, model, comma-separated; empty for one total."
    )
    key_id: str | None = Field(None, description="Only this key.")
    model: str | None = Field(None, description="Only this model.")
    limit: int = Field(100, ge=1, le=1000, description="Maximum items of a page.")
    cursor: str | None = Field(None, description="`next_cursor` of the previous page.")

    @field_validator("group_by")
    @classmethod
    def _check_groups(cls, value: str) -> str:
        for name in value.split(",") if value else ():
            if name not in USAGE_GROUPS:
                raise ValueError(f"{name!r} is not one of {', '.join(USAGE_GROUPS)}")
        return value

    @property
    def groups(self) -> list[UsageGroup]:
        """Return the groups to sum by, each once."""
        return [name for name in USAGE_GROUPS if name in self.group_by.split(",")]


class UsageView(BaseModel):
    """Sums of one group; a field that is not grouped by is null, one without a value is ""."""

    day: str | None
    project_id: str | None
    key_id: str | None
    end_user: str | None
    model: str | None
    requests: int
    tokens_in: int = Field(description="Of prompts, including cached ones.")
    tokens_cached: int
    tokens_out: int = Field(description="Of answers, including reasoning.")
    tokens_reasoning: int
    cost_usd: float = Field(description="Of the requests with a known price.")
    unpriced: int = Field(description="Requests with an unknown price.")
    estimated: int = Field(description="Requests whose tokens are an estimate, because the provider reported none.")
    latency_p50_ms: float | None = Field(description="Of the calls that a server answered; null without any.")
    latency_p95_ms: float | None = Field(description="As `latency_p50_ms`.")

    @classmethod
    def of(cls, row: UsageRow, calls: Mapping[int, int]) -> "UsageView":
        """Build the view of a row and its calls by bucket of latency."""
        return cls(
            **{name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)},
            cost_usd=row.cost_nano_usd / NANO,
            latency_p50_ms=percentile_ms(calls, 0.5),
            latency_p95_ms=percentile_ms(calls, 0.95),
        )


class ModelUsage(BaseModel):
    """Usage of one model, by day."""

    model: str
    requests: list[int]
    tokens_in: list[int]
    tokens_out: list[int]
    cost_usd: list[float] = Field(description="Of the requests with a known price.")
    unpriced: list[int] = Field(description="Requests with an unknown price.")
    latency_p50_ms: list[float | None] = Field(description="Of the calls that a server answered; null without any.")
    latency_p95_ms: list[float | None] = Field(description="As `latency_p50_ms`.")


class UsageSummary(BaseModel):
    """Usage of a range of local days; lists of a model are aligned with `days`."""

    project_id: str | None = Field(description="Null for all projects.")
    days: list[str]
    total: UsageView | None = Field(description="Null without usage.")
    latency_p50_ms: list[float | None] = Field(description="By day, of all models; null without an answered call.")
    latency_p95_ms: list[float | None] = Field(description="As `latency_p50_ms`.")
    models: list[ModelUsage] = Field(description="Most expensive first.")
    by_model: list[UsageView] = Field(description="Most expensive first; at most 100.")
    by_user: list[UsageView]
    by_key: list[UsageView]
    key_names: dict[str, str] = Field(description="Of these keys and of those with a budget, by id.")


class BudgetRequest(BaseModel):
    """A budget to create, or to change if one with this scope, measure and period exists."""

    model_config = ConfigDict(extra="forbid")

    scope: Scope
    scope_id: str = Field(min_length=1, max_length=128, description="Id of the key or project.")
    measure: Measure
    period: Period
    soft: Amount | None = Field(None, description="Limit that triggers a warning, in US dollars, tokens or requests.")
    hard: Amount | None = Field(None, description="Limit that is never exceeded, in the same unit.")

    @model_validator(mode="after")
    def _has_limit(self) -> Self:
        if self.soft is None and self.hard is None:
            raise ValueError("name soft, hard or both")
        if self.soft is not None and self.hard is not None and self.soft > self.hard:
            raise ValueError("soft must not be more than hard")
        return self

    def to_stored(self, value: Decimal | None) -> int | None:
        """Convert a limit to the store's unit."""
        if value is None:
            return None
        return int(value * NANO) if self.measure == "cost_usd" else int(value)


class BudgetView(BaseModel):
    """A budget and its status in the current period."""

    id: str
    scope: Scope
    scope_id: str
    measure: Measure
    period: Period
    soft: float | None
    hard: float | None
    span: str = Field(description="The current local day or month, or `total`.")
    spent: float
    reserved: float = Field(description="Reserved by calls in progress.")
    refused: float | None = Field(
        description="The most that the newest call refused in this span could have used; null if none was refused."
    )
    resets_at: datetime | None = Field(description="Instant at which the next span begins; null for a total.")

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left below the hard limit."""
        return self.hard is not None and self.spent >= self.hard

    @property
    def left(self) -> float | None:
        """What is neither spent nor reserved of the hard limit; None without one."""
        return None if self.hard is None else max(0.0, round(self.hard - self.spent - self.reserved, 9))

    @property
    def is_short(self) -> bool:
        """Whether something is left of the hard limit, but less than the newest refused call could have used."""
        return not self.is_spent and self.left is not None and self.refused is not None and self.left < self.refused

    @property
    def is_above_soft(self) -> bool:
        """Whether the soft limit is reached."""
        return self.soft is not None and self.spent >= self.soft

    @classmethod
    def of(cls, status: BudgetStatus, resets_us: int | None) -> "BudgetView":
        """Build the view of a budget's status."""
        budget = status.budget
        unit = NANO if budget.measure == "cost_usd" else 1
        return cls(
            id=budget.id,
            scope=budget.scope,
            scope_id=budget.scope_id,
            measure=budget.measure,
            period=budget.period,
            soft=None if budget.soft is None else budget.soft / unit,
            hard=None if budget.hard is None else budget.hard / unit,
            span=status.span,
            spent=status.spent / unit,
            reserved=status.reserved / unit,
            refused=None if status.refused is None else status.refused / unit,
            resets_at=None if resets_us is None else from_microseconds(resets_us),
        )
