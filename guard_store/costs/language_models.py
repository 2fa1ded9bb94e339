"""What calls of language models have cost by local day: usage, as it was settled, in the form of costs."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select

from guard_store.costs.rows import CostDay, CostLine
from guard_store.costs.store import CostStore
from guard_store.database import Database
from guard_store.gate_tables import usage
from guard_store.local_days import local_days, now_us
from guard_store.projects import ProjectStore
from guard_store.spending import UsageRow, UsageStore
from guard_store.spending.amounts import NANO

SERVICE = "language models"
_PAGE = 1_000


def sum_language_models(database: Database, days: Collection[date]) -> list[CostDay]:
    """Put what usage says of these days in the place of what was kept of them; the days that it says something of.

    A project has days from its first call on: before it there is nothing, after it a day without a call costs nothing.
    """
    if not days:
        return []
    by_key: dict[tuple[str, str], list[UsageRow]] = defaultdict(list)
    for row in _used(database, min(days), max(days)):
        by_key[row.project_id or "", row.day or ""].append(row)
    zones = {project.id: project.timezone for project in ProjectStore(database).page()}
    found = [
        _cost_day(project_id, zones[project_id], day, by_key[project_id, day.isoformat()])
        for project_id, first in sorted(_first_days(database).items())
        if project_id in zones
        for day in sorted(days)
        if day >= first
    ]
    CostStore(database).replace(found)
    return found


def _first_days(database: Database) -> dict[str, date]:
    statement = select(usage.c.project_id, func.min(usage.c.day)).group_by(usage.c.project_id)
    with database.read() as connection:
        return {project_id: date.fromisoformat(day) for project_id, day in connection.execute(statement)}


def _used(database: Database, first: date, last: date) -> Iterator[UsageRow]:
    store, offset = UsageStore(database), 0
    while True:
        rows = store.read(("day", "project_id", "model"), first=first, last=last, limit=_PAGE, offset=offset)
        yield from rows
        if len(rows) < _PAGE:
            return
        offset += _PAGE


def _cost_day(project_id: str, timezone: str, day: date, rows: Collection[UsageRow]) -> CostDay:
    unpriced = sum(row.unpriced for row in rows)
    _, end_us = local_days(timezone).bounds_us(day)
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
        estimated=any(row.estimated for row in rows) or end_us > now_us(),
        pulled_us=now_us(),
        lines=tuple(lines),
    )
