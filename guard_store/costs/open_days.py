"""The first day whose costs must be read again, because they are missing, failed, or may still change.

Reading them is `pull` and `language_models`; scheduling belongs to the pipelines.
"""

from datetime import date, timedelta

from sqlalchemy import and_, select

from guard_core.days import local_days
from guard_core.settings import Settings
from guard_store.costs.store import CostStore
from guard_store.costs.tables import cost_pulls
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from guard_store.spending.tables import usage


def first_open_day(database: Database, settings: Settings, last: date) -> date:
    """Return the first day whose costs are not final, among the last `cost_refresh_days` before `last`; else `last`."""
    first = last - timedelta(days=settings.aws.cost_refresh_days)
    open_days = [last]
    first_missed = _first_missed_usage(database, first, last)
    if first_missed is not None:
        open_days.append(first_missed)
    if settings.aws.costs:
        store = CostStore(database)
        for project in ProjectStore(database).page():
            open_days += _first_unfinished(store, project.id, first, last)
    return min(open_days)


def _first_unfinished(store: CostStore, project_id: str, first: date, last: date) -> list[date]:
    stored = {date.fromisoformat(d.day): d for d in store.days(project_id, first.isoformat(), last.isoformat(), "aws")}
    if not stored:
        return []
    start = min(stored)
    days = (start + timedelta(days=n) for n in range((last - start).days + 1))
    return [day for day in days if day not in stored or not stored[day].is_final][:1]


def _first_missed_usage(database: Database, first: date, last: date) -> date | None:
    same_day = and_(
        cost_pulls.c.project_id == usage.c.project_id, cost_pulls.c.day == usage.c.day, cost_pulls.c.source == "llm"
    )
    statement = (
        select(usage.c.day, cost_pulls.c.pulled_us)
        .distinct()
        .outerjoin(cost_pulls, same_day)
        .where(usage.c.day.between(first.isoformat(), last.isoformat()), usage.c.project_id != "")
    )
    with database.read() as connection:
        pulls = [(date.fromisoformat(row.day), row.pulled_us) for row in connection.execute(statement)]
    return min((day for day, pulled_us in pulls if pulled_us is None or pulled_us < _end_us(day)), default=None)


def _end_us(day: date) -> int:
    """Return when a day has ended in every time zone."""
    return local_days("Etc/GMT+12").bounds_us(day)[1]
