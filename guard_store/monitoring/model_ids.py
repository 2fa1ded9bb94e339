"""Ids of the models of which anything is stored: a model is not created, it begins with its first row, baseline or kind.

Settings of a model are part of its project: `guard_store.projects`.
"""

from sqlalchemy import exists, literal, or_, select, union

from guard_store.day_state.tables import day_states
from guard_store.db.conditions import of_model
from guard_store.db.database import Database
from guard_store.ingest.tables import rejections
from guard_store.monitoring.tables import aggregates, baselines, drift_reports, feature_kinds, performance

_TABLES = (day_states, baselines, aggregates, drift_reports, performance, feature_kinds, rejections)


class ModelIdStore:
    """Reads ids of models."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def has(self, project_id: str, model_id: str) -> bool:
        """Return whether anything is stored of a model."""
        conditions = [exists(select(literal(1)).where(of_model(table, project_id, model_id))) for table in _TABLES]
        with self._database.read() as connection:
            return bool(connection.scalar(select(or_(*conditions))))

    def of_project(self, project_id: str) -> list[str]:
        """Return the ids of the models of a project, without that of rows that were rejected before theirs was read."""
        ids = union(*(select(table.c.model_id).where(table.c.project_id == project_id) for table in _TABLES))
        with self._database.read() as connection:
            return sorted(filter(None, connection.scalars(ids)))
