"""From which day on costs are worth another look: what was missed, failed, or may still change.

Reading them is `pull.py` and `language_models.py`; when it is done is not known here.
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
    """The first day up to `last` that is not done with, of those that are looked at again at all; `last` where there is none."""
    first = last - timedelta(days=settings.aws.cost_refresh_days)
    found = [last]
    missed = _first_missed_usage(database, first, last)
    if missed is not None:
        found.append(missed)
    if settings.aws.costs:
        store = CostStore(database)
        for project in ProjectStore(database).page():
            found += _first_unfinished(store, project.id, first, last)
    return min(found)


def _first_unfinished(store: CostStore, project_id: str, first: date, last: date) -> list[date]:
    known = {date.fromisoformat(d.day): d for d in store.days(project_id, first.isoformat(), last.isoformat(), "aws")}
    if not known:
        return []
    begun = min(known)
    days = (begun + timedelta(days=n) for n in range((last - begun).days + 1))
    return [day for day in days if day not in known or not known[day].is_final][:1]


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
        found = [(date.fromisoformat(row.day), row.pulled_us) for row in connection.execute(statement)]
    return min((day for day, pulled_us in found if pulled_us is None or pulled_us < _over_us(day)), default=None)


def _over_us(day: date) -> int:
    """When a day is over in every zone."""
    return local_days("Etc/GMT+12").bounds_us(day)[1]
