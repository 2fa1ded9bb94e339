"""Usage of language models, summed by local day, project, key, user and model: reading only.

Writing it is `step`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, get_args

from sqlalchemy import ColumnElement, and_, func, select

from guard_store.db.database import Database
from guard_store.spending.tables import USAGE_SUMS, usage

UsageGroup = Literal["day", "project_id", "key_id", "end_user", "model"]
USAGE_GROUPS: Final[tuple[UsageGroup, ...]] = get_args(UsageGroup)


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
        conditions: list[ColumnElement[bool]] = [usage.c.day.between(first.isoformat(), last.isoformat())]
        for name, value in (("project_id", project_id), ("key_id", key_id), ("model", model)):
            if value is not None:
                conditions.append(usage.c[name] == value)
        group_columns = [usage.c[name] for name in groups]
        sums = [func.sum(usage.c[name]).label(name) for name in USAGE_SUMS]
        order = [func.sum(usage.c.cost_nano_usd).desc(), func.sum(usage.c.requests).desc()] if by_cost else []
        statement = select(*group_columns, *sums).where(and_(*conditions)).group_by(*group_columns)
        statement = statement.order_by(*order, *group_columns)
        with self._database.read() as connection:
            rows = connection.execute(statement.limit(limit).offset(offset)).all()
        # Without groups there is always one row; its sums are null if there was no usage.
        return [_row(row._mapping, groups) for row in rows if row._mapping["requests"] is not None]


def _row(values: Mapping[Any, Any], groups: Sequence[UsageGroup]) -> UsageRow:
    key = {name: values[name] if name in groups else None for name in USAGE_GROUPS}
    return UsageRow(**key, **{name: int(values[name]) for name in USAGE_SUMS})  # type: ignore[arg-type]
