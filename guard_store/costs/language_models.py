"""Costs of language models by local day, computed from settled usage.

Usage itself is `guard_store.spending`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date
from decimal import Decimal

from sqlalchemy import exists, func, select

from guard_core.days import local_days, now_us
from guard_core.units import NANO
from guard_store.costs.rows import CostDay, CostLine
from guard_store.costs.store import CostStore
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from guard_store.spending.tables import usage
from guard_store.spending.usage import UsageRow, UsageStore

SERVICE = "language models"
_PAGE = 1_000


def sum_language_models(database: Database, days: Collection[date], *, project_id: str | None = None) -> list[CostDay]:
    """Recompute the costs of these days from usage, of all projects or one, and store them; return the days.

    The days of a project start with its first call; after it, a day without calls costs nothing.
    """
    if not days:
        return []
    by_key: dict[tuple[str, str], list[UsageRow]] = defaultdict(list)
    for row in _read_usage(database, min(days), max(days)):
        by_key[row.project_id or "", row.day or ""].append(row)
    first_days = _first_days(database)
    cost_days = [
        _cost_day(project.id, day, bounds, by_key[project.id, day.isoformat()])
        for project in ProjectStore(database).page(only_id=project_id)
        if project.id in first_days
        for day in sorted(days)
        for bounds in [local_days(project.timezone).bounds_us(day)]
        if day >= first_days[project.id] and bounds[0] <= now_us()
    ]
    CostStore(database).replace(cost_days)
    return cost_days


def is_any_usage(database: Database) -> bool:
    """Return whether a project has ever called a language model."""
    with database.read() as connection:
        return bool(connection.scalar(select(exists().where(usage.c.project_id != ""))))


def _first_days(database: Database) -> dict[str, date]:
    statement = select(usage.c.project_id, func.min(usage.c.day)).group_by(usage.c.project_id)
    with database.read() as connection:
        return {project_id: date.fromisoformat(day) for project_id, day in connection.execute(statement)}


def _read_usage(database: Database, first: date, last: date) -> Iterator[UsageRow]:
    store, offset = UsageStore(database), 0
    while True:
        rows = store.read(("day", "project_id", "model"), first=first, last=last, limit=_PAGE, offset=offset)
        yield from rows
        if len(rows) < _PAGE:
            return
        offset += _PAGE


def _cost_day(project_id: str, day: date, bounds_us: tuple[int, int], rows: Collection[UsageRow]) -> CostDay:
    unpriced = sum(row.unpriced for row in rows)
    lines = []
    for row in rows:
        amount = Decimal(row.cost_nano_usd) / NANO
        if row.unpriced < row.requests:
            lines.append(CostLine(SERVICE, row.model or "", "USD", amount, amount))
    return CostDay(
        project_id=project_id,
        day=day.isoformat(),
        source="llm",
        state="partial" if unpriced else "ok",
        reason=f"{unpriced} calls of models whose price is not known" if unpriced else None,
        basis="local_day",
        estimated=any(row.estimated for row in rows) or bounds_us[1] > now_us(),
        pulled_us=now_us(),
        lines=tuple(lines),
    )
