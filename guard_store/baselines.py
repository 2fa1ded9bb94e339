"""Baselines: stored reference windows, immutable and versioned, one of them active for each model.

A changed baseline is news for the drift of all the model's days, in the same transaction.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update

from guard_store.database import Database
from guard_store.local_days import now_us
from guard_store.news_asks import ask_for_drift
from guard_store.tables import baselines


@dataclass(frozen=True, slots=True)
class Baseline:
    """A stored reference window, without its profile; `start_day` and `end_day` are both in it.

    `design_effects` says by column how much more the window's days differ from each other than independent rows would.
    """

    id: str
    project_id: str
    model_id: str
    version: int
    start_day: str
    end_day: str
    rows: int
    sha256: str
    design_effects: Mapping[str, float]
    active: bool
    created_us: int
    created_by: str | None
    request_id: str | None


class BaselineStore:
    """Captures, activates and reads baselines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def capture(
        self,
        project_id: str,
        model_id: str,
        start_day: str,
        end_day: str,
        *,
        rows: int,
        sha256: str,
        profile: bytes,
        design_effects: Mapping[str, float],
        created_by: str | None,
        request_id: str | None,
    ) -> Baseline:
        """Store the next version and make it the active one."""
        with self._database.write() as connection:
            _lock_versions(connection, project_id, model_id)
            newest = connection.scalar(select(func.max(baselines.c.version)).where(_of_model(project_id, model_id)))
            row: dict[str, Any] = {
                "id": uuid.uuid4().hex,
                "project_id": project_id,
                "model_id": model_id,
                "version": (newest or 0) + 1,
                "start_day": start_day,
                "end_day": end_day,
                "rows": rows,
                "sha256": sha256,
                "design_effects": dict(design_effects),
                "active": True,
                "created_us": now_us(),
                "created_by": created_by,
                "request_id": request_id,
            }
            _deactivate(connection, project_id, model_id)
            connection.execute(insert(baselines), {**row, "profile": profile})
            ask_for_drift(connection, project_id, model_id, request_id=request_id)
        return Baseline(**row)

    def activate(self, project_id: str, model_id: str, version: int, *, request_id: str | None) -> Baseline | None:
        """Make an older version the active one; None where there is no such version."""
        with self._database.write() as connection:
            _lock_versions(connection, project_id, model_id)
            chosen = and_(_of_model(project_id, model_id), baselines.c.version == version)
            row = connection.execute(select(*_without_profile).where(chosen)).one_or_none()
            if row is None:
                return None
            if not row.active:
                _deactivate(connection, project_id, model_id)
                connection.execute(update(baselines).where(chosen).values(active=True))
                ask_for_drift(connection, project_id, model_id, request_id=request_id)
        return Baseline(**{**row._mapping, "active": True})

    def active(self, project_id: str, model_id: str) -> tuple[Baseline, bytes] | None:
        """The active baseline and its profile bytes; None where the model has none."""
        statement = select(baselines).where(_of_model(project_id, model_id), baselines.c.active)
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            return None
        fields = dict(row._mapping)
        profile = fields.pop("profile")
        return Baseline(**fields), profile

    def versions(
        self, project_id: str, model_id: str, *, limit: int | None = None, before: int | None = None
    ) -> list[Baseline]:
        """All versions, newest first, below `before`."""
        statement = select(*_without_profile).where(_of_model(project_id, model_id))
        if before is not None:
            statement = statement.where(baselines.c.version < before)
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(baselines.c.version.desc()).limit(limit)).all()
        return [Baseline(**row._mapping) for row in rows]


_without_profile = [column for column in baselines.c if column.name != "profile"]


def _of_model(project_id: str, model_id: str) -> Any:
    return and_(baselines.c.project_id == project_id, baselines.c.model_id == model_id)


def _lock_versions(connection: Connection, project_id: str, model_id: str) -> None:
    # Two captures at once must not pick the same version; SQLite's writing transactions exclude each other anyway.
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{project_id}/{model_id}", 0))))


def _deactivate(connection: Connection, project_id: str, model_id: str) -> None:
    connection.execute(
        update(baselines).where(_of_model(project_id, model_id), baselines.c.active).values(active=False)
    )
