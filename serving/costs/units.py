"""Unit economics: what a local day's costs come to for a thousand predictions and by model.

The cloud's costs are shared between models by their share of the day's predictions: AWS does not know models. Language models
are told by usage, which does.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby

from guard_core.units import NANO
from guard_store.costs.rows import CostDay, Metric
from guard_store.costs.store import CostStore
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
from serving.services import Services

_EXACT_TO = Decimal("1e-12")
_MOST_MODELS = 100_000


def unit_days(services: Services, project: Project, names: Sequence[str], metric: Metric) -> dict[str, UnitDayView]:
    """The unit economics of these days, by day."""
    if not names:
        return {}
    first, last = min(names), max(names)
    predictions = _predictions(services, project, first, last)
    used = _used(services, project, first, last)
    found = CostStore(services.database).days(project.id, first, last)
    return {
        day: _unit_day(day, list(group), predictions.get(day, {}), used.get(day, []), metric)
        for day, group in groupby(found, key=lambda one: one.day)
        if day in set(names)
    }


def per_thousand(amount: Decimal, units: int) -> Decimal | None:
    """Cost of a thousand units; None where there are none.

    >>> per_thousand(Decimal("0.5"), 2000), per_thousand(Decimal(1), 0)
    (Decimal('0.250000000000'), None)
    """
    return (amount * 1_000 / units).quantize(_EXACT_TO) if units else None


def _unit_day(
    day: str, found: Collection[CostDay], predictions: Mapping[str, int], used: Collection[UsageRow], metric: Metric
) -> UnitDayView:
    by_source = {one.source: one.totals(metric) for one in found if one.pulled_us is not None}
    cloud, llm = by_source.get("aws"), by_source.get("llm")
    count = sum(predictions.values())
    return UnitDayView(
        day=day,
        state=state_of(found),
        basis=basis_of(found),
        estimated=any(one.estimated for one in found),
        predictions=count,
        costs=[_cost(currency, cloud, llm, count) for currency in sorted({*(cloud or {}), *(llm or {})})],
        models=[_model(name, own, count, cloud or {}) for name, own in sorted(predictions.items())],
        llm_models=[_language_model(row) for row in used],
    )


def _cost(
    currency: str, cloud: Mapping[str, Decimal] | None, llm: Mapping[str, Decimal] | None, predictions: int
) -> UnitCostView:
    at_cloud = None if cloud is None else cloud.get(currency, Decimal(0))
    of_models = None if llm is None or currency != "USD" else llm.get(currency, Decimal(0))
    known = sum((part for part in (at_cloud, of_models) if part is not None), Decimal(0))
    return UnitCostView(
        currency=currency,
        cloud=at_cloud,
        llm=of_models,
        total=known,
        per_1000_predictions=per_thousand(known, predictions),
    )


def _model(name: str, predictions: int, of: int, cloud: Mapping[str, Decimal]) -> ModelCostView:
    shares = {currency: amount * predictions / of for currency, amount in cloud.items()} if of else {}
    thousands = {currency: per_thousand(amount, predictions) for currency, amount in shares.items()}
    return ModelCostView(
        model_id=name,
        predictions=predictions,
        share=predictions / of if of else None,
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


def _predictions(services: Services, project: Project, first: str, last: str) -> dict[str, dict[str, int]]:
    """Predictions by day and model, as they were aggregated."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for model in services.news.models(project.id):
        for day in services.aggregates.days(project.id, model.model_id, first, last):
            found[day.day][model.model_id] = day.rows
    return found


def _used(services: Services, project: Project, first: str, last: str) -> dict[str, list[UsageRow]]:
    rows = UsageStore(services.database).read(
        ("day", "model"),
        first=date.fromisoformat(first),
        last=date.fromisoformat(last),
        project_id=project.id,
        limit=_MOST_MODELS,
    )
    return {day: list(group) for day, group in groupby(rows, key=lambda row: row.day or "")}
