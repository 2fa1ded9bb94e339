"""Baselines: stored reference windows, immutable and versioned; one of them is active for each model.

A changed baseline makes the drift of all days of the model due again, in the same transaction.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update

from guard_core.days import now_us
from guard_store.day_state.invalidation import invalidate_drift
from guard_store.db.conditions import newest_rows, of_model
from guard_store.db.database import Database
from guard_store.monitoring.tables import baselines


@dataclass(frozen=True, slots=True)
class Baseline:
    """A stored reference window, without its profile; `start_day` and `end_day` are both in it.

    `design_effects` is the variance between the window's days, by column, relative to that of independent rows.
    `trends` is the change over the window by column that has a trend; None if it was captured before that was tested.
    If there is a `from_day`, days before it are still compared with the baseline `previous_id`.
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
    from_day: str | None
    previous_id: str | None
    created_us: int
    created_by: str | None
    request_id: str | None
    trends: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class BaselinesInForce:
    """The active baseline and its predecessors that still apply to earlier days, newest first."""

    chain: Sequence[Baseline]

    def of(self, day: str) -> Baseline | None:
        """Return the baseline with which a day is compared; None if the day is before the first of them."""
        return next((item for item in self.chain if item.from_day is None or item.from_day <= day), None)


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
        days: Mapping[str, Any] | None = None,
        trends: Mapping[str, float] | None = None,
        created_by: str | None,
        request_id: str | None,
        from_day: str | None = None,
        baseline_id: str | None = None,
    ) -> Baseline:
        """Store the next version and make it the active one, for all days or for those from `from_day` on.

        `days` is how the window's days differ, by column, as `days` returns it.
        If the caller passes a `baseline_id` that was captured before, that baseline is returned unchanged.
        """
        with self._database.write() as connection:
            _lock_versions(connection, project_id, model_id)
            newest = connection.scalar(
                select(func.max(baselines.c.version)).where(of_model(baselines, project_id, model_id))
            )
            if baseline_id is not None and (captured := _by_id(connection, baseline_id)):
                return captured
            previous = select(baselines.c.id).where(of_model(baselines, project_id, model_id), baselines.c.active)
            row: dict[str, Any] = {
                "id": baseline_id or uuid.uuid4().hex,
                "project_id": project_id,
                "model_id": model_id,
                "version": (newest or 0) + 1,
                "start_day": start_day,
                "end_day": end_day,
                "rows": rows,
                "sha256": sha256,
                "design_effects": dict(design_effects),
                "active": True,
                "from_day": from_day,
                "previous_id": None if from_day is None else connection.scalar(previous),
                "created_us": now_us(),
                "created_by": created_by,
                "request_id": request_id,
                "trends": None if trends is None else dict(trends),
            }
            _deactivate(connection, project_id, model_id)
            connection.execute(insert(baselines), {**row, "profile": profile, "days": days})
            invalidate_drift(connection, project_id, model_id, from_day=from_day, request_id=request_id)
        return Baseline(**row)

    def activate(self, project_id: str, model_id: str, version: int, *, request_id: str | None) -> Baseline | None:
        """Make an older version the active one; return None if there is no such version."""
        with self._database.write() as connection:
            _lock_versions(connection, project_id, model_id)
            chosen = and_(of_model(baselines, project_id, model_id), baselines.c.version == version)
            row = connection.execute(select(*_without_profile).where(chosen)).one_or_none()
            if row is None:
                return None
            if not row.active:
                _deactivate(connection, project_id, model_id)
                connection.execute(update(baselines).where(chosen).values(active=True))
                invalidate_drift(connection, project_id, model_id, request_id=request_id)
        return Baseline(**{**row._mapping, "active": True})

    def in_force(self, project_id: str, model_id: str) -> "BaselinesInForce":
        """Return the baselines with which the days of a model are compared."""
        versions = {baseline.id: baseline for baseline in self.versions(project_id, model_id)}
        current = next((baseline for baseline in versions.values() if baseline.active), None)
        chain: list[Baseline] = []
        while current is not None:
            chain.append(current)
            current = versions.get(current.previous_id or "") if current.from_day else None
        return BaselinesInForce(chain)

    def active(self, project_id: str, model_id: str) -> Baseline | None:
        """Return the active baseline; None if the model has none."""
        statement = select(*_without_profile).where(of_model(baselines, project_id, model_id), baselines.c.active)
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Baseline(**row._mapping)

    def all_active(self) -> list[Baseline]:
        """Return the active baseline of each model that has one."""
        statement = select(*_without_profile).where(baselines.c.active)
        with self._database.read() as connection:
            return [Baseline(**row._mapping) for row in connection.execute(statement)]

    def profile(self, baseline_id: str) -> bytes:
        """Return the profile of an existing baseline, as bytes."""
        with self._database.read() as connection:
            data: bytes = connection.execute(
                select(baselines.c.profile).where(baselines.c.id == baseline_id)
            ).scalar_one()
        return data

    def days(self, baseline_id: str) -> Mapping[str, Any] | None:
        """Return how the days of an existing baseline differ, by column; None if it was captured before that was stored."""
        with self._database.read() as connection:
            days: Mapping[str, Any] | None = connection.execute(
                select(baselines.c.days).where(baselines.c.id == baseline_id)
            ).scalar_one()
        return days

    def versions(
        self, project_id: str, model_id: str, *, limit: int | None = None, before: int | None = None
    ) -> list[Baseline]:
        """Return all versions, newest first, below `before`."""
        statement = select(*_without_profile).where(of_model(baselines, project_id, model_id))
        if before is not None:
            statement = statement.where(baselines.c.version < before)
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(baselines.c.version.desc()).limit(limit)).all()
        return [Baseline(**row._mapping) for row in rows]

    def recent(self, limit: int, project_id: str | None = None) -> list[Baseline]:
        """Return the newest baselines of all models, newest first; of one project, or of all."""
        statement = newest_rows(select(*_without_profile), baselines, "created_us", limit, project_id)
        with self._database.read() as connection:
            return [Baseline(**row._mapping) for row in connection.execute(statement)]


_without_profile = [column for column in baselines.c if column.name not in {"profile", "days"}]


def _by_id(connection: Connection, baseline_id: str) -> Baseline | None:
    row = connection.execute(select(*_without_profile).where(baselines.c.id == baseline_id)).one_or_none()
    return None if row is None else Baseline(**row._mapping)


def _lock_versions(connection: Connection, project_id: str, model_id: str) -> None:
    # Two captures at once must not pick the same version; SQLite's writing transactions exclude each other anyway.
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{project_id}/{model_id}", 0))))


def _deactivate(connection: Connection, project_id: str, model_id: str) -> None:
    connection.execute(
        update(baselines).where(of_model(baselines, project_id, model_id), baselines.c.active).values(active=False)
    )
