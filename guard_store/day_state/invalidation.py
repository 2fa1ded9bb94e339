"""Make processed days due again after a change of a setting, a kind, the time zone, or an earlier day.

Each function runs in the transaction of the change that causes it, and increments `changes` on every row it updates.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, false, func, insert, or_, select, update

from guard_core.days import local_days, now_us
from guard_core.project_settings.drift_methods import MAX_WINDOW_DAYS
from guard_core.units import SECOND_US
from guard_store.day_state.day_state import PROCESSED_BEFORE
from guard_store.day_state.tables import day_states
from guard_store.db.conditions import of_instants, of_model
from guard_store.ingest.tables import events, labels
from guard_store.monitoring.tables import drift_reports

_RESET_RESULTS = {"drift_revision": 0, "performance_revision": 0, "retrain_revision": 0}

# Keeps whether every stage had ended before: such days may wait for `pipelines.rest_s`.
RETRAIN_DUE_AGAIN = case((day_states.c.retrain_revision == 0, 0), else_=PROCESSED_BEFORE)


class DeletedDaysError(ValueError):
    """The time zone of a project cannot change, because retention has deleted some of its events."""


def invalidate_lake(connection: Connection, project_id: str, model_id: str, *, request_id: str | None = None) -> None:
    """Make all days of a model due from the first stage on: their rows must be read again."""
    values = {"lake_revision": 0, "profile_revision": 0, **_RESET_RESULTS}
    _invalidate(connection, _of(project_id, model_id), values, request_id)


def invalidate_drift(
    connection: Connection,
    project_id: str,
    model_id: str | None = None,
    *,
    from_day: str | None = None,
    request_id: str | None = None,
) -> None:
    """Make the drift of all days (or those from a day on) of a model, or of all models of a project, due again.

    Performance is due again too: its reference may have changed.
    """
    days = _of(project_id, model_id) if from_day is None else and_(_of(project_id, model_id), _from(from_day))
    _invalidate(connection, days, _RESET_RESULTS, request_id)


def invalidate_performance(
    connection: Connection, project_id: str, model_id: str | None = None, *, request_id: str | None = None
) -> None:
    """Make the performance of all days of a model, or of all models of a project, due again."""
    _invalidate(connection, _of(project_id, model_id), {"performance_revision": 0, "retrain_revision": 0}, request_id)


def invalidate_compared_performance(connection: Connection, project_id: str, model_id: str) -> None:
    """Make the performance of all days of a model due again, because labels have changed its reference.

    The days may wait for `pipelines.rest_s`.
    """
    values = {"performance_revision": 0, "retrain_revision": RETRAIN_DUE_AGAIN}
    _invalidate(connection, _of(project_id, model_id), values, None)


def invalidate_retrain(connection: Connection, project_id: str, *, request_id: str | None = None) -> None:
    """Make the retrain rule due again on all days of a project."""
    _invalidate(connection, _of(project_id), {"retrain_revision": 0}, request_id)


def invalidate_drift_after(
    connection: Connection, project_id: str, model_id: str, day: str, *, request_id: str | None = None
) -> None:
    """Make the drift of later days due again if the window of their report includes this day.

    Days that have not reached the drift stage yet will use the change anyway.
    """
    changed = date.fromisoformat(day)
    statement = select(drift_reports.c.day, drift_reports.c.window_days).where(
        of_model(drift_reports, project_id, model_id),
        drift_reports.c.window_days > 1,
        drift_reports.c.day > day,
        drift_reports.c.day < (changed + timedelta(days=MAX_WINDOW_DAYS)).isoformat(),
    )
    affected_days = [
        row.day
        for row in connection.execute(statement)
        if date.fromisoformat(row.day) - timedelta(days=row.window_days) < changed
    ]
    if affected_days:
        waiting = and_(day_states.c.day.in_(affected_days), day_states.c.profile_revision == day_states.c.revision)
        _invalidate(connection, and_(_of(project_id, model_id), waiting), {"drift_revision": 0}, request_id)


def rebuild_for_timezone(
    connection: Connection, project_id: str, timezone: str, *, close_delay_s: int, request_id: str | None = None
) -> None:
    """Assign the events of a project to the local days of another zone, and make all of its days due.

    Days that lose all their events keep a row with none, so that their results are removed. Every event of the project is
    counted while new events wait to be stored, so the change is best made in quiet hours. The caller has updated, and so
    locked, the row of the project; writers of events share that lock, so no transaction of theirs is open.

    Raises
    ------
    DeletedDaysError
        If retention has deleted events or rows of the lake of any day.
    """
    expired = or_(day_states.c.events_expired_us.is_not(None), day_states.c.lake_expired_us.is_not(None))
    if connection.scalar(select(day_states.c.day).where(_of(project_id), expired).limit(1)) is not None:
        raise DeletedDaysError("The time zone stays as it is: retention has deleted events of this project's days.")
    stored = {
        (row.model_id, row.day)
        for row in connection.execute(select(day_states.c.model_id, day_states.c.day).where(_of(project_id)))
    }
    models = sorted(connection.scalars(select(events.c.model_id).where(events.c.project_id == project_id).distinct()))
    counts_by_day = {
        (model_id, day): counts
        for model_id in models
        for day, counts in _count_days(connection, project_id, model_id, timezone, close_delay_s)
    }
    for model_id, day in sorted(stored | set(counts_by_day)):
        number, late, labelled = counts_by_day.get((model_id, day), (0, 0, 0))
        counts = {"events": number, "late": late, "labels": labelled}
        values: dict[str, Any] = {**counts, "request_id": request_id, "changed_us": now_us()}
        if (model_id, day) in stored:
            increments = {"revision": day_states.c.revision + 1, "changes": day_states.c.changes + 1}
            of_day = and_(_of(project_id, model_id), day_states.c.day == day)
            connection.execute(update(day_states).where(of_day).values({**values, **increments}))
        else:
            key = {"project_id": project_id, "model_id": model_id, "day": day, "revision": 1, "changes": 1}
            connection.execute(insert(day_states).values({**key, **values}))


def _count_days(
    connection: Connection, project_id: str, model_id: str, timezone: str, close_delay_s: int
) -> Iterable[tuple[str, tuple[int, int, int]]]:
    """Count events, late events, and labels with an event, of each local day that has any event."""
    first, last = connection.execute(
        select(func.min(events.c.ts_us), func.max(events.c.ts_us)).where(of_model(events, project_id, model_id))
    ).one()
    of_event = and_(labels.c.project_id == events.c.project_id, labels.c.event_id == events.c.event_id)
    labelled = select(func.count()).select_from(events).join(labels, of_event).where(labels.c.waiting == false())
    days = local_days(timezone)
    day = days.of(first)
    while day <= days.of(last):
        bounds_us = days.bounds_us(day)
        late = events.c.received_us >= bounds_us[1] + close_delay_s * SECOND_US
        of_day = of_instants(events, project_id, model_id, bounds_us)
        number = connection.scalar(select(func.count()).select_from(events).where(of_day))
        if number:
            late_number = connection.scalar(select(func.count()).select_from(events).where(of_day, late))
            yield day.isoformat(), (number, late_number or 0, connection.scalar(labelled.where(of_day)) or 0)
        day += timedelta(days=1)


def _of(project_id: str, model_id: str | None = None) -> ColumnElement[bool]:
    of_project = day_states.c.project_id == project_id
    return of_project if model_id is None else and_(of_project, day_states.c.model_id == model_id)


def _from(day: str) -> ColumnElement[bool]:
    return day_states.c.day >= day


def _invalidate(
    connection: Connection, condition: ColumnElement[bool], values: dict[str, Any], request_id: str | None
) -> None:
    # Failed days are due at once: the change may have removed the cause.
    keys = [day_states.c.project_id, day_states.c.model_id, day_states.c.day]
    # Every transaction locks day states in the order of their keys: no deadlocks.
    connection.execute(select(*keys).where(condition).order_by(*keys).with_for_update())
    cause = {} if request_id is None else {"request_id": request_id}
    reset = {"changes": day_states.c.changes + 1, "attempts": 0, "failed_revision": None, "error": None}
    connection.execute(update(day_states).where(condition).values({**values, **reset, **cause, "changed_us": now_us()}))
