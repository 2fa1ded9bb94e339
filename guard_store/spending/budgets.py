"""Budgets of keys and projects, and their status.

Spending from them is `step`.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec
from sqlalchemy import Row, Select, and_, case, delete, or_, select

from guard_core.days import now_us
from guard_store.auth.tables import api_keys
from guard_store.db.database import Database
from guard_store.db.upsert import dialect_insert
from guard_store.spending.amounts import Measure, Period, Scope, span_of
from guard_store.spending.tables import budget_spans, budgets, reservations
from guard_store.spending.works import Hold, Reservation

_decode = msgspec.json.Decoder(tuple[Reservation, tuple[Hold, ...]]).decode


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of what a key or a project may spend in a period of local days.

    Attributes
    ----------
    soft : the limit above which a fact is written; None for no limit.
    hard : the limit that is never exceeded; None for no limit. Both in billionths of a dollar, tokens or requests.
    project_id : the project whose local days it counts on; None for days of `timezone` in the settings.
    """

    id: str
    scope: Scope
    scope_id: str
    measure: Measure
    period: Period
    soft: int | None
    hard: int | None
    created_us: int
    project_id: str | None


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """Amounts spent and reserved from a budget in a span.

    Attributes
    ----------
    refused : the most that the newest call without room could have used; None if no call was refused.
    """

    budget: Budget
    span: str
    spent: int
    reserved: int
    refused: int | None


class BudgetStore:
    """Reads and changes budgets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self, scope: Scope, scope_id: str, measure: Measure, period: Period, *, soft: int | None, hard: int | None
    ) -> Budget:
        """Create a budget, or change the limits of the one with this scope, measure and period."""
        row = {
            "id": uuid.uuid4().hex,
            "scope": scope,
            "scope_id": scope_id,
            "measure": measure,
            "period": period,
            "soft": soft,
            "hard": hard,
            "created_us": now_us(),
        }
        key = ["scope", "scope_id", "measure", "period"]
        with self._database.write() as connection:
            insertion = dialect_insert(connection, budgets).values(row)
            connection.execute(insertion.on_conflict_do_update(index_elements=key, set_={"soft": soft, "hard": hard}))
            same = (
                budgets.c.scope == scope,
                budgets.c.scope_id == scope_id,
                budgets.c.measure == measure,
                budgets.c.period == period,
            )
            return _budget(connection.execute(_with_project().where(*same)).one())

    def get(self, budget_id: str) -> Budget | None:
        """Return a budget by its id."""
        with self._database.read() as connection:
            row = connection.execute(_with_project().where(budgets.c.id == budget_id)).one_or_none()
        return None if row is None else _budget(row)

    def remove(self, budget_id: str) -> bool:
        """Delete a budget and its counts; return False if there is none."""
        with self._database.write() as connection:
            connection.execute(delete(budget_spans).where(budget_spans.c.budget_id == budget_id))
            return connection.execute(delete(budgets).where(budgets.c.id == budget_id)).rowcount > 0

    def of(self, *, key_ids: Sequence[str] | None = None, project_ids: Sequence[str] | None = None) -> Sequence[Budget]:
        """Return the budgets of these keys and projects, all if both are None, in order of creation."""
        statement = _with_project().order_by(budgets.c.created_us, budgets.c.id)
        if key_ids is not None or project_ids is not None:
            statement = statement.where(
                or_(
                    and_(budgets.c.scope == "key", budgets.c.scope_id.in_(key_ids or ())),
                    and_(budgets.c.scope == "project", budgets.c.scope_id.in_(project_ids or ())),
                )
            )
        with self._database.read() as connection:
            return [_budget(row) for row in connection.execute(statement)]

    def visible_to(self, project_id: str | None) -> Sequence[Budget]:
        """Return the budgets of a project and of its keys, all for None, in order of creation."""
        return [budget for budget in self.of() if project_id in (None, budget.project_id)]

    def statuses(self, of: Sequence[Budget], day_of: Callable[[Budget], date]) -> Sequence[BudgetStatus]:
        """Return the status of budgets in the span that includes a local day."""
        spans = {budget.id: span_of(budget.period, day_of(budget)) for budget in of}
        with self._database.read() as connection:
            rows = connection.execute(select(budget_spans).where(budget_spans.c.budget_id.in_(spans))).all()
        amounts = {(row.budget_id, row.span): (row.spent, row.reserved, row.refused) for row in rows}
        return [BudgetStatus(b, spans[b.id], *amounts.get((b.id, spans[b.id]), (0, 0, None))) for b in of]

    def expired(self, at_us: int) -> Sequence[tuple[Reservation, tuple[Hold, ...]]]:
        """Return expired reservations, whose process has died, with their holds."""
        statement = select(reservations.c.body).where(reservations.c.expires_us <= at_us).limit(1000)
        with self._database.read() as connection:
            return [_decode(row.body) for row in connection.execute(statement)]


def _with_project() -> Select[tuple[object, ...]]:
    project_id = case((budgets.c.scope == "project", budgets.c.scope_id), else_=api_keys.c.project_id)
    of_key = and_(budgets.c.scope == "key", api_keys.c.id == budgets.c.scope_id)
    return select(*budgets.c, project_id.label("project_id")).select_from(budgets.outerjoin(api_keys, of_key))


def _budget(row: Row[tuple[object, ...]]) -> Budget:
    return Budget(**row._mapping)
