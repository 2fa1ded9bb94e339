"""Unit economics: the costs of a local day per thousand predictions and by model.

Cloud costs are allocated to models by their share of the day's predictions, because AWS does not report them by model.
Costs of language models come from their usage, which is recorded by model.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby

from guard_core.units import NANO
from guard_store.costs.rows import CostDay, Metric
from guard_store.costs.store import CostStore
from guard_store.day_state.store import DayStateStore
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.projects.store import Project
from guard_store.spending.usage import UsageRow, UsageStore
from serving.costs.schemas import (
    LanguageModelCostView,
    ModelCostView,
    UnitCostView,
    UnitDayView,
    basis_of,
    state_of,
)

_EXACT_TO = Decimal("1e-12")
_MOST_MODELS = 100_000


class UnitCosts:
    """Divide the costs of local days by their predictions."""

    def __init__(
        self, costs: CostStore, usage: UsageStore, day_states: DayStateStore, aggregates: AggregateStore
    ) -> None:
        self._costs = costs
        self._usage = usage
        self._day_states = day_states
        self._aggregates = aggregates

    def by_day(self, project: Project, days: Sequence[str], metric: Metric) -> dict[str, UnitDayView]:
        """Return the unit costs of the given days, by day."""
        if not days:
            return {}
        first, last = min(days), max(days)
        predictions = self._predictions(project, first, last)
        usage = self._usage_by_day(project, first, last)
        cost_days = self._costs.days(project.id, first, last)
        return {
            day: _unit_day(day, list(group), predictions.get(day, {}), usage.get(day, []), metric)
            for day, group in groupby(cost_days, key=lambda cost_day: cost_day.day)
            if day in set(days)
        }

    def _predictions(self, project: Project, first: str, last: str) -> dict[str, dict[str, int]]:
        """Return the aggregated counts of predictions by day and model."""
        counts: dict[str, dict[str, int]] = defaultdict(dict)
        for model in self._day_states.models(project.id):
            for day in self._aggregates.days(project.id, model.model_id, first, last):
                counts[day.day][model.model_id] = day.rows
        return counts

    def _usage_by_day(self, project: Project, first: str, last: str) -> dict[str, list[UsageRow]]:
        rows = self._usage.read(
            ("day", "model"),
            first=date.fromisoformat(first),
            last=date.fromisoformat(last),
            project_id=project.id,
            limit=_MOST_MODELS,
        )
        return {day: list(group) for day, group in groupby(rows, key=lambda row: row.day or "")}


def per_thousand(amount: Decimal, units: int) -> Decimal | None:
    """Return the cost of a thousand units, or None if there are no units.

    >>> per_thousand(Decimal("0.5"), 2000), per_thousand(Decimal(1), 0)
    (Decimal('0.250000000000'), None)
    """
    return (amount * 1_000 / units).quantize(_EXACT_TO) if units else None


def _unit_day(
    day: str,
    cost_days: Collection[CostDay],
    predictions: Mapping[str, int],
    usage: Collection[UsageRow],
    metric: Metric,
) -> UnitDayView:
    by_source = {part.source: part.totals(metric) for part in cost_days if part.pulled_us is not None}
    cloud, llm = by_source.get("aws"), by_source.get("llm")
    count = sum(predictions.values())
    return UnitDayView(
        day=day,
        state=state_of(cost_days),
        basis=basis_of(cost_days),
        estimated=any(part.estimated for part in cost_days),
        predictions=count,
        costs=[_cost(currency, cloud, llm, count) for currency in sorted({*(cloud or {}), *(llm or {})})],
        models=[_model(name, rows, count, cloud or {}) for name, rows in sorted(predictions.items())],
        llm_models=[_language_model(row) for row in usage],
    )


def _cost(
    currency: str, cloud: Mapping[str, Decimal] | None, llm: Mapping[str, Decimal] | None, predictions: int
) -> UnitCostView:
    cloud_cost = None if cloud is None else cloud.get(currency, Decimal(0))
    llm_cost = None if llm is None or currency != "USD" else llm.get(currency, Decimal(0))
    total = sum((part for part in (cloud_cost, llm_cost) if part is not None), Decimal(0))
    return UnitCostView(
        currency=currency,
        cloud=cloud_cost,
        llm=llm_cost,
        total=total,
        per_1000_predictions=per_thousand(total, predictions),
    )


def _model(name: str, predictions: int, all_predictions: int, cloud: Mapping[str, Decimal]) -> ModelCostView:
    shares = (
        {currency: amount * predictions / all_predictions for currency, amount in cloud.items()}
        if all_predictions
        else {}
    )
    thousands = {currency: per_thousand(amount, predictions) for currency, amount in shares.items()}
    return ModelCostView(
        model_id=name,
        predictions=predictions,
        share=predictions / all_predictions if all_predictions else None,
        cloud={currency: amount.quantize(_EXACT_TO) for currency, amount in shares.items()},
        per_1000_predictions={currency: amount for currency, amount in thousands.items() if amount is not None},
    )


def _language_model(row: UsageRow) -> LanguageModelCostView:
    cost = Decimal(row.cost_nano_usd) / NANO
    return LanguageModelCostView(
        model=row.model or "",
        requests=row.requests,
        cost_usd=cost,
        per_1000_requests_usd=per_thousand(cost, row.requests - row.unpriced),
        unpriced=row.unpriced,
    )
