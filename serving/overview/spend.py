"""What calls of language models have cost this month, and the budget in dollars of which the largest share is spent."""

from datetime import date

from guard_core.days import local_days, now_us
from guard_core.units import NANO
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.projects.store import project_zones
from guard_store.spending.budgets import Budget, BudgetStatus, BudgetStore
from guard_store.spending.usage import UsageStore
from serving.overview.schemas import FullestBudget, SpendOverview


class SpendService:
    """Reads the spending of a project, or of all.

    Parameters
    ----------
    timezone : IANA time zone of budgets without a project.
    """

    def __init__(self, database: Database, usage: UsageStore, keys: KeyStore, *, timezone: str) -> None:
        self._database = database
        self._usage = usage
        self._keys = keys
        self._budgets = BudgetStore(database)
        self._timezone = timezone

    def read(self, project_id: str | None) -> SpendOverview:
        """Return the usage of the calendar month, and the fullest budget."""
        zones = {} if project_id is None else project_zones(self._database, [project_id])
        month = local_days(zones.get(project_id or "", self._timezone)).of(now_us()).replace(day=1)
        rows = self._usage.read([], first=month, last=date.max, project_id=project_id, limit=1)
        total = rows[0] if rows else None
        return SpendOverview(
            requests=total.requests if total else 0,
            tokens=total.tokens_in + total.tokens_out if total else 0,
            cost_usd=total.cost_nano_usd / NANO if total else 0.0,
            unpriced=total.unpriced if total else 0,
            budget=self._fullest_budget(project_id),
        )

    def _fullest_budget(self, project_id: str | None) -> FullestBudget | None:
        budgets = [budget for budget in self._budgets.visible_to(project_id) if budget.measure == "cost_usd"]
        zones = project_zones(self._database, {budget.project_id for budget in budgets if budget.project_id})
        now = now_us()

        def today(budget: Budget) -> date:
            return local_days(zones.get(budget.project_id or "", self._timezone)).of(now)

        fullest = max(self._budgets.statuses(budgets, today), key=_share, default=None)
        if fullest is None:
            return None
        budget = fullest.budget
        names = self._keys.names([budget.scope_id]) if budget.scope == "key" else {}
        return FullestBudget(
            scope=budget.scope,
            scope_id=budget.scope_id,
            name=names.get(budget.scope_id, budget.scope_id),
            period=budget.period,
            limit_usd=_limit(budget) / NANO,
            share=_share(fullest),
        )


def _limit(budget: Budget) -> int:
    return budget.hard if budget.hard is not None else budget.soft or 0


def _share(status: BudgetStatus) -> float:
    limit = _limit(status.budget)
    return status.spent / limit if limit else 1.0
