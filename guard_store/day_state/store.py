"""Local days with unprocessed rows: how far each stage has processed them, and which failed.

Reading, marking and failing days belong here; making processed days due again is `invalidation`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, and_, case, func, not_, or_, select, tuple_, update

from guard_core.days import from_microseconds, local_days, now_us
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_store.day_state.day_state import DayState, Key
from guard_store.day_state.invalidation import RETRAIN_DUE_AGAIN
from guard_store.day_state.tables import day_states
from guard_store.db.conditions import of_day, of_model
from guard_store.db.database import Database
from guard_store.db.newest_days import select_newest_days
from guard_store.projects.tables import projects

Stage = Literal["lake", "profile", "drift", "performance", "retrain"]

_STAGES: Sequence[Stage] = get_args(Stage)
_OPEN_DAYS = 3  # today, yesterday until it is closed, and tomorrow because a client's clock may be ahead
_MAX_DUE = 50_000
_MAX_ERROR_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class ModelDayStates:
    """The days with events of one model, and how many of them are not processed yet, or failed."""

    model_id: str
    events: int
    first_day: str
    last_day: str
    pending_days: int
    failed_days: int


@dataclass(frozen=True, slots=True)
class ModelBacklog:
    """The unprocessed days of one model.

    Attributes
    ----------
    waiting_days : closed days that have not failed.
    oldest_waiting : the oldest of them.
    failed_days : days whose newest rows could not be processed.
    given_up_days : those of them that are not retried any more.
    open_days : days that are not closed yet.
    """

    project_id: str
    model_id: str
    waiting_days: int
    oldest_waiting: str | None
    failed_days: int
    given_up_days: int
    open_days: int


@dataclass(frozen=True, slots=True)
class NewestDays:
    """The newest day with events of one model, and the newest that every stage has processed."""

    project_id: str
    model_id: str
    day: str
    done_day: str | None


@dataclass(frozen=True, slots=True)
class DayVolume:
    """How much a day has received."""

    project_id: str
    model_id: str
    day: str
    events: int
    labels: int


@dataclass(frozen=True, slots=True)
class Totals:
    """How much all days of all models have received; the newest day is None without any."""

    models: int
    events: int
    labels: int
    newest_day: str | None


class DayStateStore:
    """Reads and marks day states."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, settings: Settings, at_us: int | None = None) -> Sequence[DayState]:
        """Return closed days that some stage has not processed and that do not wait for a retry, oldest first."""
        at = now_us() if at_us is None else at_us
        return [item for item in self._select(_behind, limit=_MAX_DUE) if _ready(item, settings, at)]

    def pending(self, limit: int = _MAX_DUE) -> Sequence[DayState]:
        """Return days that some stage has not processed, closed or not, failed or not, oldest first."""
        return self._select(_behind, limit=limit)

    def due_at_stage(
        self, stage: Stage, days: Collection[str], settings: Settings, at_us: int | None = None
    ) -> Sequence[DayState]:
        """Return those of these days that a stage must process: closed, behind the stage before, not waiting for a retry."""
        at = now_us() if at_us is None else at_us
        return [item for item in self._of_days(days, _todo[stage]) if _ready(item, settings, at)]

    def processable(self, stage: Stage, days: Collection[str]) -> Sequence[DayState]:
        """Return those of these days that a stage can process, whether processed before or not, closed or not."""
        return self._of_days(days, _before[stage] > 0)

    def days(self) -> Sequence[str]:
        """Return the local days that any model has received rows of, oldest first."""
        with self._database.read() as connection:
            return connection.scalars(select(day_states.c.day).distinct().order_by(day_states.c.day)).all()

    def of_days(self, days: Collection[str]) -> Sequence[DayState]:
        """Return the states of these days, of all projects and models."""
        return self._of_days(days, day_states.c.revision > 0)

    def refresh(self, item: DayState) -> DayState:
        """Read the state of a day again.

        Raises
        ------
        LookupError
            If the row does not exist any more.
        """
        states = self._select(of_day(day_states, *item.key))
        if not states:
            raise LookupError(f"no day state of {item.key} any more")
        return states[0]

    def ended_before(self, at_us: int) -> Sequence[DayState]:
        """Return days of all models that had ended at an instant, oldest first."""
        latest = (from_microseconds(at_us) + timedelta(days=1)).date().isoformat()  # of the zone that is farthest ahead
        return [item for item in self._select(day_states.c.day <= latest) if item.bounds_us[1] <= at_us]

    def mark_expiring(self, rows: Literal["events", "lake"], items: Iterable[DayState]) -> None:
        """Allow retention to delete the events, or the rows in the lake, of days that have not changed since they were read."""
        column = f"{rows}_expired_us"
        for item in sorted(items, key=_key):
            with self._database.write() as connection:
                connection.execute(update(day_states).where(_unchanged(item)).values({column: now_us()}))

    def newest_measured(self, project_id: str, model_id: str) -> DayState | None:
        """Return the newest day with events of a model whose performance was measured at its newest revision."""
        measured = and_(day_states.c.events > 0, day_states.c.performance_revision >= day_states.c.revision)
        days_of_model = of_model(day_states, project_id, model_id)
        with self._database.read() as connection:
            day = connection.scalar(select(func.max(day_states.c.day)).where(days_of_model, measured))
        return None if day is None else self._select(days_of_model, day_states.c.day == day)[0]

    def newest(self, settings: Settings, at_us: int | None = None) -> Sequence[DayState]:
        """Return the newest closed day with events of each model."""
        at = now_us() if at_us is None else at_us
        model = [day_states.c.project_id, day_states.c.model_id]
        age = func.row_number().over(partition_by=model, order_by=day_states.c.day.desc()).label("age")
        ranked = select(*model, day_states.c.day, age).where(day_states.c.events > 0).subquery()
        candidates = select(ranked.c.project_id, ranked.c.model_id, ranked.c.day).where(ranked.c.age <= _OPEN_DAYS + 1)
        newest = {
            item.key[:2]: item
            for item in self._select(tuple_(*model, day_states.c.day).in_(candidates))
            if item.is_closed(settings, at)
        }
        return list(newest.values())

    def mark(self, stage: Stage, items: Iterable[DayState]) -> Sequence[DayState]:
        """Record that a stage has processed these days; return those that have not changed since they were read.

        Results of the others may have overwritten newer ones of a faster run: the stage processes them again.
        """
        with self._database.write() as connection:
            return [item for item in sorted(items, key=_key) if _mark(connection, stage, item)]

    def fail(self, item: DayState, error: str, *, from_the_start: bool = False) -> None:
        """Record that a revision could not be processed; days that have changed since are tried anyway.

        `from_the_start` sends a day back to its first stage.
        """
        same = day_states.c.failed_revision == item.revision
        values: dict[str, Any] = {
            "attempts": case((same, day_states.c.attempts + 1), else_=1),
            "failed_revision": item.revision,
            "error": error[:_MAX_ERROR_CHARACTERS],
            "changed_us": now_us(),
        }
        if from_the_start:
            values |= _reset("lake")
        with self._database.write() as connection:
            connection.execute(update(day_states).where(_unchanged(item)).values(values))

    def list(
        self,
        project_id: str,
        model_id: str,
        start_day: str,
        end_day: str,
        *,
        after_day: str = "",
        limit: int | None = None,
    ) -> Sequence[DayState]:
        """Return a closed range of days, oldest first, after `after_day`, without days that lost all their events."""
        return self._select(
            of_model(day_states, project_id, model_id),
            day_states.c.day.between(start_day, end_day),
            day_states.c.day > after_day,
            or_(day_states.c.events > 0, day_states.c.duplicates > 0),
            limit=limit,
        )

    def newest_volumes(self, days: int, project_id: str | None = None) -> Sequence[DayVolume]:
        """Return events and labels of the newest days with events of every model, oldest first; of one project, or of all."""
        c = day_states.c
        columns = [c.project_id, c.model_id, c.day, c.events, c.labels]
        statement = select_newest_days(day_states, columns, days, project_id, c.events > 0)
        with self._database.read() as connection:
            return [DayVolume(*row) for row in connection.execute(statement).all()]

    def totals(self) -> Totals:
        """Return how much all models together have received."""
        c = day_states.c
        of_models = (
            select(func.sum(c.events).label("events"), func.sum(c.labels).label("labels"), func.max(c.day).label("day"))
            .where(c.events > 0)
            .group_by(c.project_id, c.model_id)
            .subquery()
        )
        m = of_models.c
        statement = select(func.count(), func.sum(m.events), func.sum(m.labels), func.max(m.day)).select_from(of_models)
        with self._database.read() as connection:
            models, events, labels, newest_day = connection.execute(statement).one()
        return Totals(models, int(events or 0), int(labels or 0), newest_day)

    def newest_days(self) -> Sequence[NewestDays]:
        """Return the newest day with events of every model, and the newest done one, by project and model."""
        c = day_states.c
        statement = (
            select(c.project_id, c.model_id, func.max(c.day), func.max(case((not_(_behind), c.day))))
            .where(c.events > 0)
            .group_by(c.project_id, c.model_id)
            .order_by(c.project_id, c.model_id)
        )
        with self._database.read() as connection:
            return [NewestDays(*row) for row in connection.execute(statement)]

    def volumes(self, project_id: str, model_id: str, start_day: str, end_day: str) -> Sequence[DayVolume]:
        """Return events and labels of the days with events of a closed range, oldest first."""
        c = day_states.c
        statement = (
            select(c.project_id, c.model_id, c.day, c.events, c.labels)
            .where(of_model(day_states, project_id, model_id), c.day.between(start_day, end_day), c.events > 0)
            .order_by(c.day)
        )
        with self._database.read() as connection:
            return [DayVolume(*row) for row in connection.execute(statement).all()]

    def models(self, project_id: str) -> Sequence[ModelDayStates]:
        """Return the models of a project that have events, by id."""
        statement = (
            select(
                day_states.c.model_id,
                func.sum(day_states.c.events).label("events"),
                func.min(day_states.c.day).label("first_day"),
                func.max(day_states.c.day).label("last_day"),
                func.sum(case((_behind, 1), else_=0)).label("pending_days"),
                func.sum(case((and_(_behind, _failed), 1), else_=0)).label("failed_days"),
            )
            .where(day_states.c.project_id == project_id, day_states.c.events > 0)
            .group_by(day_states.c.model_id)
            .order_by(day_states.c.model_id)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return [ModelDayStates(row.model_id, int(row.events), *row[2:4], *map(int, row[4:])) for row in rows]

    def backlog(
        self, settings: Settings, project_id: str | None = None, at_us: int | None = None
    ) -> Sequence[ModelBacklog]:
        """Return the models with unprocessed days, by project and model; of one project, or of all."""
        ended_us = (now_us() if at_us is None else at_us) - settings.pipelines.close_delay_s * SECOND_US
        c = day_states.c
        with self._database.read() as connection:
            timezones = connection.scalars(select(projects.c.timezone).distinct()).all()
            first_open = {timezone: local_days(timezone).of(ended_us).isoformat() for timezone in timezones}
            if not first_open:
                return []
            is_open = c.day >= case(first_open, value=projects.c.timezone)
            waits = and_(not_(is_open), not_(_failed))
            statement = (
                select(
                    c.project_id,
                    c.model_id,
                    func.sum(case((waits, 1), else_=0)),
                    func.min(case((waits, c.day))),
                    func.sum(case((_failed, 1), else_=0)),
                    func.sum(case((and_(_failed, c.attempts > settings.pipelines.retries), 1), else_=0)),
                    func.sum(case((and_(is_open, not_(_failed)), 1), else_=0)),
                )
                .join(projects, projects.c.id == c.project_id)
                .where(_behind, *_in_project(project_id))
                .group_by(c.project_id, c.model_id)
                .order_by(c.project_id, c.model_id)
            )
            return [
                ModelBacklog(project, model, int(waiting), oldest, *map(int, others))
                for project, model, waiting, oldest, *others in connection.execute(statement)
            ]

    def failed(self, limit: int, project_id: str | None = None) -> Sequence[DayState]:
        """Return days whose newest rows could not be processed, oldest first; of one project, or of all."""
        return self._select(_behind, _failed, *_in_project(project_id), limit=limit)

    def _of_days(self, days: Collection[str], condition: ColumnElement[bool]) -> Sequence[DayState]:
        if not days:
            return []
        between = day_states.c.day.between(min(days), max(days))
        requested = frozenset(days)
        return [item for item in self._select(between, condition) if item.day in requested]

    def _select(self, *conditions: ColumnElement[bool], limit: int | None = None) -> Sequence[DayState]:
        statement = (
            select(*_columns)
            .join(projects, projects.c.id == day_states.c.project_id)
            .where(*conditions)
            .order_by(day_states.c.day, day_states.c.project_id, day_states.c.model_id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [DayState.of(row) for row in connection.execute(statement)]


# Labels, because some columns of the table have another name in Python.
_columns = [
    (projects.c.timezone if field.name == "timezone" else day_states.c[field.name]).label(field.name)
    for field in fields(DayState)
]
_before: dict[Stage, ColumnElement[int]] = {
    "lake": day_states.c.revision,
    "profile": day_states.c.lake_revision,
    "drift": day_states.c.profile_revision,
    "performance": day_states.c.drift_revision,
    "retrain": day_states.c.performance_revision,
}
_todo: dict[Stage, ColumnElement[bool]] = {
    "lake": day_states.c.lake_revision < day_states.c.revision,
    "profile": day_states.c.profile_revision < day_states.c.lake_revision,
    "drift": day_states.c.drift_revision < day_states.c.profile_revision,
    "performance": day_states.c.performance_revision < day_states.c.drift_revision,
    "retrain": day_states.c.retrain_revision < day_states.c.performance_revision,
}
_behind = or_(
    day_states.c.lake_revision < day_states.c.revision,
    day_states.c.profile_revision < day_states.c.revision,
    day_states.c.drift_revision < day_states.c.revision,
    day_states.c.performance_revision < day_states.c.revision,
    day_states.c.retrain_revision < day_states.c.revision,
)
# A revision is never null: a day without a failure is not failed, rather than unknown.
_failed = func.coalesce(day_states.c.failed_revision, -1) == day_states.c.revision


def _in_project(project_id: str | None) -> list[ColumnElement[bool]]:
    return [] if project_id is None else [day_states.c.project_id == project_id]


def _ready(item: DayState, settings: Settings, at_us: int) -> bool:
    return item.is_closed(settings, at_us) and item.may_try(settings, at_us)


def _unchanged(item: DayState) -> ColumnElement[bool]:
    return and_(_same_day(item), day_states.c.changes == item.changes)


def _same_day(item: DayState) -> ColumnElement[bool]:
    return of_day(day_states, *item.key)


def _key(item: DayState) -> Key:
    return item.key


def _mark(connection: Connection, stage: Stage, item: DayState) -> bool:
    if connection.execute(update(day_states).where(_unchanged(item)).values(_done(stage, item))).rowcount:
        return True
    connection.execute(update(day_states).where(_same_day(item)).values(_reset(stage)))
    return False


def _reset(first_stage: Stage) -> dict[str, Any]:
    stages = _STAGES[_STAGES.index(first_stage) : -1]
    values = {f"{stage}_revision": 0 for stage in stages}
    return {**values, "retrain_revision": RETRAIN_DUE_AGAIN, "changes": day_states.c.changes + 1}


def _done(stage: Stage, item: DayState) -> dict[str, Any]:
    if stage == "lake":
        return {"lake_revision": item.revision}
    if stage == "profile":
        return {"profile_revision": item.lake_revision}
    if stage == "drift":
        return {"drift_revision": item.profile_revision}
    if stage == "performance":
        return {"performance_revision": item.drift_revision}
    return {"retrain_revision": item.performance_revision, "attempts": 0, "failed_revision": None, "error": None}
