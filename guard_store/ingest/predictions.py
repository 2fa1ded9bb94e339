"""Stored events by the ids that their caller received: the event's own, or that of the request that predicted it.

By a request's id, only predictions of registered models are found: other events do not pay for an index on it.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from guard_store.day_state.tables import day_states
from guard_store.db.database import Database
from guard_store.ingest.tables import events


@dataclass(frozen=True, slots=True)
class Prediction:
    """A stored event; `features` and `y_pred` are JSON texts, `model_version` None unless a registered version predicted it."""

    project_id: str
    model_id: str
    event_id: str
    request_id: str | None
    ts_us: int
    received_us: int
    features: str
    y_pred: str
    y_proba: float | None
    model_version: str | None


_COLUMNS = tuple(events.c[name] for name in Prediction.__dataclass_fields__)


class PredictionStore:
    """Finds predictions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, trace_id: str, project_id: str | None) -> list[Prediction]:
        """Return at most one prediction of each project, or of one project: the first of a request, else the event.

        Ids are unique within a project only: without one, there may be several predictions.
        """
        c = events.c
        with self._database.read() as connection:
            for condition in ((c.request_id == trace_id) & c.model_version.is_not(None), c.event_id == trace_id):
                firsts = select(c.project_id, func.min(c.event_id).label("event_id")).where(condition)
                if project_id is not None:
                    firsts = firsts.where(c.project_id == project_id)
                rows = connection.execute(_events_of(firsts.group_by(c.project_id))).all()
                if rows:
                    return [Prediction(**row._mapping) for row in rows]
        return []

    def get(self, project_id: str, event_id: str) -> Prediction | None:
        """Return the event of an id in a project."""
        statement = select(*_COLUMNS).where(events.c.project_id == project_id, events.c.event_id == event_id)
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Prediction(**row._mapping)


def newest_instants(database: Database) -> dict[tuple[str, str], int]:
    """Return the instant of the newest stored event of every model, by project and model; one look-up in an index each."""
    c = events.c
    models = select(day_states.c.project_id, day_states.c.model_id).distinct().subquery()
    is_event = (c.project_id == models.c.project_id) & (c.model_id == models.c.model_id)
    newest = select(func.max(c.ts_us)).where(is_event).scalar_subquery()
    statement: Select[Any] = select(*models.c, newest)
    with database.read() as connection:
        rows = connection.execute(statement)
        return {(project_id, model_id): ts_us for project_id, model_id, ts_us in rows if ts_us is not None}


def _events_of(keys: Select[tuple[str, str]]) -> Select[tuple[object, ...]]:
    c, key = events.c, keys.subquery().c
    is_event = (c.project_id == key.project_id) & (c.event_id == key.event_id)
    return select(*_COLUMNS).join_from(events, key.project_id.table, is_event).order_by(c.project_id)
