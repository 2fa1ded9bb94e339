"""Usage of language models, summed by local day, project, key, user and model: reading only.

Writing it is `step`.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, get_args

from sqlalchemy import ColumnElement, Table, func, select

from guard_store.db.database import Database
from guard_store.spending.tables import USAGE_SUMS, usage, usage_latencies

UsageGroup = Literal["day", "project_id", "key_id", "end_user", "model"]
USAGE_GROUPS: Final[tuple[UsageGroup, ...]] = get_args(UsageGroup)

Latencies = defaultdict[tuple[str, ...], Counter[int]]
"""By group, the number of answered calls in each bucket of `latencies`; none for groups without such calls."""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Sums of one group; fields that are not group_columns by are None.

    Attributes
    ----------
    cost_nano_usd : cost of the requests whose price is known, in billionths of a dollar.
    unpriced : requests whose price is not known.
    estimated : requests whose tokens are our estimate, because the provider reported none.
    """

    day: str | None
    project_id: str | None
    key_id: str | None
    end_user: str | None
    model: str | None
    requests: int
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    tokens_reasoning: int
    cost_nano_usd: int
    unpriced: int
    estimated: int

    def group(self, groups: Sequence[UsageGroup]) -> tuple[str, ...]:
        """Return the values of the groups, the key of `UsageStore.read_latencies`."""
        return tuple(getattr(self, name) for name in groups)


class UsageStore:
    """Reads usage."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(
        self,
        groups: Sequence[UsageGroup],
        *,
        first: date,
        last: date,
        project_id: str | None = None,
        key_id: str | None = None,
        model: str | None = None,
        limit: int | None,
        offset: int = 0,
        by_cost: bool = False,
    ) -> Sequence[UsageRow]:
        """Return the sums of the local days from `first` to `last`, in the order of the groups, or the most expensive first."""
        conditions = _conditions(usage, first, last, project_id, key_id, model)
        group_columns = [usage.c[name] for name in groups]
        sums = [func.sum(usage.c[name]).label(name) for name in USAGE_SUMS]
        order = [func.sum(usage.c.cost_nano_usd).desc(), func.sum(usage.c.requests).desc()] if by_cost else []
        statement = select(*group_columns, *sums).where(*conditions).group_by(*group_columns)
        statement = statement.order_by(*order, *group_columns)
        with self._database.read() as connection:
            rows = connection.execute(statement.limit(limit).offset(offset)).all()
        # Without groups there is always one row; its sums are null if there was no usage.
        return [_row(row._mapping, groups) for row in rows if row._mapping["requests"] is not None]

    def read_latencies(
        self,
        groups: Sequence[UsageGroup],
        *,
        first: date,
        last: date,
        project_id: str | None = None,
        key_id: str | None = None,
        model: str | None = None,
    ) -> Latencies:
        """Return the calls of the local days from `first` to `last` by group and bucket."""
        conditions = _conditions(usage_latencies, first, last, project_id, key_id, model)
        columns = [usage_latencies.c[name] for name in (*groups, "bucket")]
        statement = select(*columns, func.sum(usage_latencies.c.calls)).where(*conditions).group_by(*columns)
        calls: Latencies = defaultdict(Counter)
        with self._database.read() as connection:
            for *group, bucket, count in connection.execute(statement):
                calls[tuple(group)][bucket] = int(count)
        return calls


def _conditions(
    table: Table, first: date, last: date, project_id: str | None, key_id: str | None, model: str | None
) -> Sequence[ColumnElement[bool]]:
    chosen = {"project_id": project_id, "key_id": key_id, "model": model}
    days = table.c.day.between(first.isoformat(), last.isoformat())
    return [days, *(table.c[name] == value for name, value in chosen.items() if value is not None)]


def _row(values: Mapping[Any, Any], groups: Sequence[UsageGroup]) -> UsageRow:
    key = {name: values[name] if name in groups else None for name in USAGE_GROUPS}
    return UsageRow(**key, **{name: int(values[name]) for name in USAGE_SUMS})  # type: ignore[arg-type]
