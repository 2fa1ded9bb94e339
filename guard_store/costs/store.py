"""Costs by project, local day and source: days are replaced as a whole, and a failed pull deletes nothing.

Obtaining the figures is `pull` and `language_models`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, Row, Select, and_, delete, func, insert, select

from guard_core.days import now_us
from guard_store.costs.rows import Basis, CostDay, CostLine, CostSource, Metric
from guard_store.costs.tables import cost_pulls, costs
from guard_store.db.database import Database
from guard_store.db.upsert import dialect_insert

Series = dict[tuple[CostSource, str], dict[date, Decimal]]
"""Amounts by day, of each source and currency."""

ServiceKey = tuple[str, str, str]
"""A project, a service and a currency."""

_KEY = ("project_id", "day", "source")


class CostStore:
    """Reads and replaces costs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def days(self, project_id: str, start: str, end: str, source: CostSource | None = None) -> list[CostDay]:
        """Return the costs of the local days of a closed range, oldest first, each source separately."""
        with self._database.read() as connection:
            pulls = connection.execute(
                select(cost_pulls)
                .where(_within(cost_pulls.c, project_id, start, end, source))
                .order_by(cost_pulls.c.day, cost_pulls.c.source)
            ).all()
            lines = connection.execute(
                select(costs)
                .where(_within(costs.c, project_id, start, end, source))
                .order_by(costs.c.service, costs.c.label, costs.c.currency)
            ).all()
        by_day: dict[tuple[str, str], list[CostLine]] = defaultdict(list)
        for line in lines:
            by_day[line.day, line.source].append(_line(line))
        return [_day(pull, by_day.get((pull.day, pull.source), ())) for pull in pulls]

    def pulled_days(self, project_id: str, start: str, end: str, *, after: str, limit: int) -> list[str]:
        """Return the local days of a closed range with a successful or failed pull, oldest first, after a day."""
        statement = (
            select(cost_pulls.c.day)
            .distinct()
            .where(_within(cost_pulls.c, project_id, start, end, None), cost_pulls.c.day > after)
            .order_by(cost_pulls.c.day)
            .limit(limit)
        )
        with self._database.read() as connection:
            return list(connection.scalars(statement))

    def series(self, project_id: str, start: str, end: str, metric: Metric = "unblended") -> Series:
        """Return amounts by day, for days with figures; a day without a line in a currency counts as 0 in it."""
        days = [day for day in self.days(project_id, start, end) if day.pulled_us is not None]
        series: Series = {}
        for source in {day.source for day in days}:
            totals = {date.fromisoformat(day.day): day.totals(metric) for day in days if day.source == source}
            for currency in sorted({name for sums in totals.values() for name in sums}):
                series[source, currency] = {day: sums.get(currency, Decimal(0)) for day, sums in totals.items()}
        return series

    def service_totals(
        self, start: str, end: str, source: CostSource, project_id: str | None = None
    ) -> dict[ServiceKey, tuple[Decimal, Decimal]]:
        """Return the unblended and the amortised sum of each project, service and currency in a closed range of days."""
        c = costs.c
        names = (c.project_id, c.service, c.currency)
        statement = select(*names, c.unblended, c.amortised).where(c.source == source, c.day.between(start, end))
        if project_id is not None:
            statement = statement.where(c.project_id == project_id)
        sums: dict[ServiceKey, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
        with self._database.read() as connection:  # summed here, because the amounts are text
            for project, service, currency, unblended, amortised in connection.execute(statement):
                before = sums[project, service, currency]
                sums[project, service, currency] = (before[0] + Decimal(unblended), before[1] + Decimal(amortised))
        return dict(sums)

    def newest_day(self, source: CostSource) -> date | None:
        """Return the newest day whose costs were requested from a source, with figures or without."""
        with self._database.read() as connection:
            day = connection.scalar(select(func.max(cost_pulls.c.day)).where(cost_pulls.c.source == source))
        return None if day is None else date.fromisoformat(day)

    def newest_totals(self, source: CostSource) -> dict[tuple[str, str], dict[str, Decimal]]:
        """Return the unblended sum of each project's newest day with figures, by project and day, then by currency."""
        pulls, c = cost_pulls.c, costs.c
        newest = (
            select(pulls.project_id, func.max(pulls.day).label("day"))
            .where(pulls.source == source, pulls.pulled_us.is_not(None))
            .group_by(pulls.project_id)
            .subquery()
        )
        is_line = and_(c.project_id == newest.c.project_id, c.day == newest.c.day, c.source == source)
        statement: Select[Any] = select(*newest.c, c.currency, c.unblended).outerjoin(costs, is_line)
        totals: dict[tuple[str, str], dict[str, Decimal]] = {}
        with self._database.read() as connection:  # summed here, because the amounts are text
            for project_id, day, currency, amount in connection.execute(statement):
                sums = totals.setdefault((project_id, day), {})
                if currency is not None:
                    sums[currency] = sums.get(currency, Decimal(0)) + Decimal(amount)
        return totals

    def replace(self, days: Collection[CostDay]) -> None:
        """Replace the costs of these days, all in one transaction."""
        with self._database.write() as connection:
            # In a fixed order, and the row of the pull first: another pull of the same day waits for its lock.
            for day in sorted(days, key=lambda day: (day.project_id, day.day, day.source)):
                row = _pull_row(day)
                changes = {name: value for name, value in row.items() if name not in _KEY}
                connection.execute(_upsert(connection, row, changes))
                connection.execute(delete(costs).where(_of(costs.c, day)))
                if day.lines:
                    connection.execute(insert(costs), [_line_row(day, line) for line in day.lines])

    def fail(self, project_id: str, source: CostSource, days: Iterable[str], reason: str, basis: Basis) -> None:
        """Record that days could not be read: existing figures stay, and days without figures become unavailable."""
        with self._database.write() as connection:
            for day in days:
                empty = CostDay(project_id, day, source, "unavailable", reason, basis, estimated=True, pulled_us=None)
                row = _pull_row(empty)
                connection.execute(_upsert(connection, row, {"reason": reason, "tried_us": row["tried_us"]}))


def _within(columns: Any, project_id: str, start: str, end: str, source: CostSource | None) -> ColumnElement[bool]:
    in_range = and_(columns.project_id == project_id, columns.day.between(start, end))
    return in_range if source is None else and_(in_range, columns.source == source)


def _of(columns: Any, day: CostDay) -> ColumnElement[bool]:
    return and_(columns.project_id == day.project_id, columns.day == day.day, columns.source == day.source)


def _upsert(connection: Connection, row: Mapping[str, Any], changes: Mapping[str, Any]) -> Executable:
    insertion = dialect_insert(connection, cost_pulls).values(row)
    return insertion.on_conflict_do_update(index_elements=_KEY, set_=changes)


def _pull_row(day: CostDay) -> dict[str, Any]:
    row = asdict(day)
    del row["lines"]
    return {**row, "tried_us": now_us()}


def _line_row(day: CostDay, line: CostLine) -> dict[str, Any]:
    return {
        "project_id": day.project_id,
        "day": day.day,
        "source": day.source,
        "service": line.service,
        "label": line.label,
        "currency": line.currency,
        "unblended": format(line.unblended, "f"),
        "amortised": format(line.amortised, "f"),
    }


def _line(row: Row[Any]) -> CostLine:
    return CostLine(row.service, row.label, row.currency, Decimal(row.unblended), Decimal(row.amortised))


def _day(pull: Row[Any], lines: Sequence[CostLine]) -> CostDay:
    values = {name: value for name, value in pull._mapping.items() if name != "tried_us"}
    return CostDay(**values, lines=tuple(lines))
