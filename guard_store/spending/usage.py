"""What was used, summed by local day, project, key, user and model, for whoever asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, get_args

from sqlalchemy import ColumnElement, and_, func, select

from guard_store.db.database import Database
from guard_store.spending.tables import usage

UsageGroup = Literal["day", "project_id", "key_id", "end_user", "model"]
USAGE_GROUPS: Final[tuple[UsageGroup, ...]] = get_args(UsageGroup)
_SUMS = (
    "requests",
    "tokens_in",
    "tokens_cached",
    "tokens_out",
    "tokens_reasoning",
    "cost_nano_usd",
    "unpriced",
    "estimated",
)


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Sums of one group; what it is not grouped by is None.

    Attributes
    ----------
    cost_nano_usd : billionths of a dollar of the requests whose price is known.
    unpriced : requests whose price is not known.
    estimated : requests whose tokens are ours, because the provider did not say.
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
        limit: int,
        offset: int = 0,
    ) -> Sequence[UsageRow]:
        """Sums of the local days from `first` to `last`, in the order of the groups."""
        conditions: list[ColumnElement[bool]] = [usage.c.day.between(first.isoformat(), last.isoformat())]
        for name, value in (("project_id", project_id), ("key_id", key_id), ("model", model)):
            if value is not None:
                conditions.append(usage.c[name] == value)
        grouped = [usage.c[name] for name in groups]
        sums = [func.sum(usage.c[name]).label(name) for name in _SUMS]
        statement = select(*grouped, *sums).where(and_(*conditions)).group_by(*grouped).order_by(*grouped)
        with self._database.read() as connection:
            rows = connection.execute(statement.limit(limit).offset(offset)).all()
        # Without groups there is one row, of nothing where nothing was used.
        return [_row(row._mapping, groups) for row in rows if row._mapping["requests"] is not None]


def _row(values: Mapping[Any, Any], groups: Sequence[UsageGroup]) -> UsageRow:
    named = {name: values[name] if name in groups else None for name in USAGE_GROUPS}
    return UsageRow(**named, **{name: int(values[name]) for name in _SUMS})  # type: ignore[arg-type]
