"""Decisions about models, by the promotion rule or by a person: action, reason, actor. Rows are added, never changed."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, and_, func, insert, or_, select

from guard_core.days import now_us
from guard_store.db.conditions import newest_rows, of_model
from guard_store.db.database import Database
from guard_store.retraining.tables import model_decisions

Action = Literal["promoted", "rejected", "rolled_back", "forced", "acknowledged", "dismissed"]

CHAMPION_ACTIONS: Final[tuple[Action, ...]] = ("promoted", "rolled_back")
"""Actions that make a version the champion."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The person or program that decides, identified by an API key."""

    key_id: str
    role: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision; without a key, it was made by the rule."""

    id: str
    project_id: str
    model_id: str
    action: str
    version: str | None
    champion_before: str | None
    reason: str
    details: Mapping[str, Any]
    key_id: str | None
    role: str | None
    request_id: str | None
    decided_us: int

    @property
    def decided_by(self) -> Literal["rule", "person"]:
        """Whether the rule or a person has decided."""
        return "rule" if self.key_id is None else "person"


def write_decision(
    connection: Connection,
    project_id: str,
    model_id: str,
    action: Action,
    *,
    reason: str,
    actor: Actor | None,
    version: str | None = None,
    champion_before: str | None = None,
    details: Mapping[str, Any] | None = None,
    request_id: str | None = None,
) -> None:
    """Record a decision in the transaction of its effect."""
    row = {
        "id": uuid.uuid4().hex,
        "project_id": project_id,
        "model_id": model_id,
        "action": action,
        "version": version,
        "champion_before": champion_before,
        "reason": reason,
        "details": dict(details or {}),
        "key_id": None if actor is None else actor.key_id,
        "role": None if actor is None else actor.role,
        "request_id": request_id if actor is None else actor.request_id,
        "decided_us": now_us(),
    }
    connection.execute(insert(model_decisions), row)


def last_decision(
    connection: Connection, project_id: str, model_id: str, *actions: Action, version: str | None = None
) -> Decision | None:
    """Return the last decision with one of these actions about a model (or one version of it), in the caller's transaction."""
    c = model_decisions.c
    statement = (
        select(model_decisions)
        .where(of_model(model_decisions, project_id, model_id), c.action.in_(actions))
        .order_by(c.decided_us.desc(), c.id)
        .limit(1)
    )
    if version is not None:
        statement = statement.where(c.version == version)
    row = connection.execute(statement).one_or_none()
    return None if row is None else Decision(**row._mapping)


class DecisionStore:
    """Reads decisions, and records those of people about versions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        project_id: str,
        model_id: str,
        action: Action,
        *,
        reason: str,
        actor: Actor,
        version: str | None,
        champion_before: str | None,
    ) -> None:
        """Record a person's decision."""
        with self._database.write() as connection:
            write_decision(
                connection,
                project_id,
                model_id,
                action,
                reason=reason,
                actor=actor,
                version=version,
                champion_before=champion_before,
            )

    def last(self, project_id: str, model_id: str, *actions: Action, version: str | None = None) -> Decision | None:
        """Return the last decision with one of these actions about a model (or one version of it)."""
        with self._database.read() as connection:
            return last_decision(connection, project_id, model_id, *actions, version=version)

    def against(self, project_id: str, model_id: str, version: str, since_us: int) -> Decision | None:
        """Return a person's last decision since an instant that replaced a version as champion, or rejected it."""
        c = model_decisions.c
        replaced = and_(c.action.in_(CHAMPION_ACTIONS), c.champion_before == version)
        rejected = and_(c.action == "rejected", c.version == version)
        statement = (
            select(model_decisions)
            .where(of_model(model_decisions, project_id, model_id), c.key_id.is_not(None))
            .where(c.decided_us >= since_us, or_(replaced, rejected))
            .order_by(c.decided_us.desc(), c.id)
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Decision(**row._mapping)

    def newest(self, project_id: str, model_id: str, limit: int, *, version: str | None = None) -> Sequence[Decision]:
        """Return the decisions about a model (or one version of it), newest first."""
        c = model_decisions.c
        statement = (
            select(model_decisions)
            .where(of_model(model_decisions, project_id, model_id))
            .order_by(c.decided_us.desc(), c.id)
            .limit(limit)
        )
        if version is not None:
            statement = statement.where(c.version == version)
        with self._database.read() as connection:
            return [Decision(**row._mapping) for row in connection.execute(statement)]

    def recent(self, limit: int, project_id: str | None = None) -> Sequence[Decision]:
        """Return the newest decisions about all models, newest first; of one project, or of all."""
        statement = newest_rows(select(model_decisions), model_decisions, "decided_us", limit, project_id)
        with self._database.read() as connection:
            return [Decision(**row._mapping) for row in connection.execute(statement)]

    def champions(self, project_id: str | None = None) -> dict[tuple[str, str], Decision]:
        """Return the decision that made each model's present champion, by project and model."""
        c = model_decisions.c
        made_champion = c.action.in_(CHAMPION_ACTIONS)
        age = func.row_number().over(partition_by=[c.project_id, c.model_id], order_by=c.decided_us.desc()).label("age")
        aged = select(c.id, age).where(made_champion).subquery()
        statement = select(model_decisions).join(aged, aged.c.id == c.id).where(aged.c.age == 1)
        if project_id is not None:
            statement = statement.where(c.project_id == project_id)
        with self._database.read() as connection:
            decisions = [Decision(**row._mapping) for row in connection.execute(statement)]
        return {(decision.project_id, decision.model_id): decision for decision in decisions}
