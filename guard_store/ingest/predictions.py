"""Predictions of registered models among the events, looked up by the id that their caller received.

Other events have no model version and are not traced.
"""

from dataclasses import dataclass

from sqlalchemy import select

from guard_store.db.database import Database
from guard_store.ingest.tables import events


@dataclass(frozen=True, slots=True)
class Prediction:
    """An event that was predicted by a registered model version; `y_pred` is JSON text."""

    project_id: str
    model_id: str
    event_id: str
    request_id: str | None
    ts_us: int
    y_pred: str
    y_proba: float | None
    model_version: str


class PredictionStore:
    """Finds predictions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, trace_id: str, project_id: str | None) -> Prediction | None:
        """Return the first prediction of a request, or, if a project is given, its prediction with this event id."""
        c = events.c
        columns = [c[name] for name in Prediction.__dataclass_fields__]
        served = c.model_version.is_not(None)
        of_request = select(*columns).where(c.request_id == trace_id, served).order_by(c.event_id).limit(1)
        if project_id is not None:
            of_request = of_request.where(c.project_id == project_id)
        of_event = select(*columns).where(c.project_id == project_id, c.event_id == trace_id, served)
        with self._database.read() as connection:
            row = connection.execute(of_request).one_or_none()
            if row is None and project_id is not None:
                row = connection.execute(of_event).one_or_none()
        return None if row is None else Prediction(**row._mapping)
