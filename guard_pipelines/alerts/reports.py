"""Request the monthly report of each model once its month is processed; rendering and sending it is the server's work."""

from datetime import date, timedelta

from guard_core.days import local_days, now_us
from guard_core.settings import Settings
from guard_store.alerts.reports import request_report
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore

_LAST_WAITING_DAY = 5
_LAST_DAY = 10


def request_reports(database: Database, settings: Settings, at_us: int | None = None) -> int:
    """Request the reports of the month that ended last, on the first days of the next; return how many are new.

    A report waits until the days of its month are done, but not beyond the fifth day: it lists what is not done. After the tenth
    day none is requested, so that a route that is set later is not sent earlier months.
    """
    route = settings.alert.report_route
    if route is None:
        return 0
    at = now_us() if at_us is None else at_us
    requested = 0
    for project in ProjectStore(database).page():
        today = local_days(project.timezone).of(at)
        if today.day > _LAST_DAY:
            continue
        last = today.replace(day=1) - timedelta(days=1)
        for model_id in _models_with_report(database, project.id, last, is_waiting=today.day < _LAST_WAITING_DAY):
            requested += request_report(
                database,
                project.id,
                model_id,
                f"{last:%Y-%m}",
                route=route,
                server=settings.server.public_address,
            )
    return requested


def _models_with_report(database: Database, project_id: str, last: date, *, is_waiting: bool) -> list[str]:
    """Return the models with events in the month up to its last day, without those that still wait for a day."""
    store = DayStateStore(database)
    first = last.replace(day=1)
    models = []
    for model in store.models(project_id):
        states = store.list(project_id, model.model_id, first.isoformat(), last.isoformat())
        if any(state.events for state in states) and not (is_waiting and any(not state.done for state in states)):
            models.append(model.model_id)
    return models
