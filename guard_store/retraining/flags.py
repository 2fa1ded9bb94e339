"""Retrain flags: models to be trained, and the progress of their training. A model has at most one active flag.

Results of the retrain rule are `evaluations`; training belongs to the pipelines.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_store.db.conditions import newest_rows, of_model
from guard_store.db.database import Database
from guard_store.db.upsert import dialect_insert
from guard_store.retraining import alert_facts
from guard_store.retraining.decisions import Action, Actor, write_decision
from guard_store.retraining.flag import ACTIVE, Flag
from guard_store.retraining.tables import retrain_flags

_MAX_ERROR_CHARACTERS = 2_000


class FlagTakenError(Exception):
    """Another run has taken this flag, or the flag is not active any more."""


class FlagStore:
    """Reads and writes flags."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def force(
        self, project_id: str, model_id: str, day: str, *, as_of_us: int, reason: str, actor: Actor
    ) -> Flag | None:
        """Raise a flag by hand and record the decision; return None if a flag is active."""
        reasons = [{"rule": "forced", "reason": reason}]
        with self._database.write() as connection:
            flag = raise_flag(connection, project_id, model_id, day, as_of_us, reasons, actor, actor.request_id)
            if flag is not None:
                details = {"flag_id": flag.id}
                write_decision(connection, project_id, model_id, "forced", reason=reason, actor=actor, details=details)
        return flag

    def acknowledge(self, flag: Flag, *, reason: str, actor: Actor, dismiss: bool) -> Flag | None:
        """Acknowledge a flag, or dismiss it, so that no training starts; return None if it is not active any more."""
        values: dict[str, Any] = {
            "acknowledged_us": now_us(),
            "acknowledged_by": actor.key_id,
            "acknowledged_reason": reason,
            "changed_us": now_us(),
        }
        if dismiss:
            values["state"] = "dismissed"
        # A training that has begun cannot be dismissed.
        states = ("open",) if dismiss else ACTIVE
        with self._database.write() as connection:
            same = and_(retrain_flags.c.id == flag.id, retrain_flags.c.state.in_(states))
            if not connection.execute(update(retrain_flags).where(same).values(values)).rowcount:
                return None
            if dismiss:
                alert_facts.write_dismissed_fact(connection, flag, reason)
            action: Action = "dismissed" if dismiss else "acknowledged"
            details = {"flag_id": flag.id}
            write_decision(
                connection, flag.project_id, flag.model_id, action, reason=reason, actor=actor, details=details
            )
        return self.flag(flag.id)

    def start(self, flag: Flag, run_id: str) -> None:
        """Record that a run trains for this flag, in place of the run that the flag had when it was read.

        Raises
        ------
        FlagTakenError
            If another run was faster, or the flag is not active any more.
        """
        taken_by = retrain_flags.c.dagster_run_id
        same_run = taken_by.is_(None) if flag.dagster_run_id is None else taken_by == flag.dagster_run_id
        unmoved = and_(
            retrain_flags.c.id == flag.id, retrain_flags.c.state.in_(ACTIVE), or_(same_run, taken_by == run_id)
        )
        values = {"state": "training", "dagster_run_id": run_id, "changed_us": now_us()}
        with self._database.write() as connection:
            if not connection.execute(update(retrain_flags).where(unmoved).values(values)).rowcount:
                raise FlagTakenError(f"flag {flag.id} is worked on by another run, or is not active any more")
            alert_facts.write_started_fact(connection, flag, run_id)

    def fail(self, flag: Flag, error: str, settings: Settings) -> str:
        """Record a failed attempt; return the new state: open for a retry, or failed, with an alert.

        Nothing happens if the flag has changed meanwhile.
        """
        given_up = flag.attempts >= settings.pipelines.retrain_retries
        delay_us = settings.pipelines.retrain_retry_delay_s * SECOND_US * 2**flag.attempts
        values = {
            "state": "failed" if given_up else "open",
            "attempts": flag.attempts + 1,
            "due_us": now_us() + delay_us,
            "dagster_run_id": None,
            "error": error[:_MAX_ERROR_CHARACTERS],
            "changed_us": now_us(),
        }
        same = and_(
            retrain_flags.c.id == flag.id,
            retrain_flags.c.state.in_(ACTIVE),
            retrain_flags.c.attempts == flag.attempts,
        )
        with self._database.write() as connection:
            if not connection.execute(update(retrain_flags).where(same).values(values)).rowcount:
                return flag.state
            if given_up:
                alert_facts.write_failed_fact(connection, flag, error)
        return str(values["state"])

    def hold_back(self, flag: Flag, shortage: str, settings: Settings) -> None:
        """Record what the training of an open flag lacks, and when to look again; this is no failed attempt."""
        values = {
            "due_us": now_us() + settings.pipelines.retrain_retry_delay_s * SECOND_US,
            "error": shortage[:_MAX_ERROR_CHARACTERS],
            "changed_us": now_us(),
        }
        same = and_(retrain_flags.c.id == flag.id, retrain_flags.c.state == "open")
        with self._database.write() as connection:
            connection.execute(update(retrain_flags).where(same).values(values))

    def flag(self, flag_id: str) -> Flag | None:
        """Return a flag by its id."""
        flags = self._flags(retrain_flags.c.id == flag_id)
        return flags[0] if flags else None

    def active_flags(self) -> Sequence[Flag]:
        """Return all active flags, oldest first."""
        return self._flags(retrain_flags.c.state.in_(ACTIVE))

    def active(self, project_id: str, model_id: str) -> Flag | None:
        """Return the active flag of a model."""
        flags = self._flags(and_(of_model(retrain_flags, project_id, model_id), retrain_flags.c.state.in_(ACTIVE)))
        return flags[0] if flags else None

    def newest(self, project_id: str, model_id: str, limit: int) -> Sequence[Flag]:
        """Return the flags of a model, newest first."""
        statement = (
            select(retrain_flags)
            .where(of_model(retrain_flags, project_id, model_id))
            .order_by(retrain_flags.c.created_us.desc(), retrain_flags.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [Flag(**row._mapping) for row in connection.execute(statement)]

    def recent(self, limit: int, project_id: str | None = None) -> Sequence[Flag]:
        """Return the newest flags of all models, newest first; of one project, or of all."""
        statement = newest_rows(select(retrain_flags), retrain_flags, "created_us", limit, project_id)
        with self._database.read() as connection:
            return [Flag(**row._mapping) for row in connection.execute(statement)]

    def models(self) -> Sequence[tuple[str, str]]:
        """Return the project and the id of every model that was ever flagged."""
        c = retrain_flags.c
        statement = select(c.project_id, c.model_id).distinct().order_by(c.project_id, c.model_id)
        with self._database.read() as connection:
            return [(row.project_id, row.model_id) for row in connection.execute(statement)]

    def last_flag_day(self, project_id: str, model_id: str, day: str) -> str | None:
        """Return the newest day up to `day` that raised a flag which was not dismissed."""
        c = retrain_flags.c
        statement = select(func.max(c.day)).where(
            of_model(retrain_flags, project_id, model_id), c.day <= day, c.state != "dismissed"
        )
        with self._database.read() as connection:
            newest_day: str | None = connection.scalar(statement)
        return newest_day

    def _flags(self, condition: ColumnElement[bool]) -> list[Flag]:
        statement = select(retrain_flags).where(condition).order_by(retrain_flags.c.created_us, retrain_flags.c.id)
        with self._database.read() as connection:
            return [Flag(**row._mapping) for row in connection.execute(statement)]


def finish(connection: Connection, flag_id: str) -> None:
    """Mark a flag as done, in the transaction that records the outcome.

    Raises
    ------
    FlagTakenError
        If it is not active any more: another run has finished it, or it was given up or dismissed.
    """
    values = {"state": "done", "error": None, "changed_us": now_us()}
    same = and_(retrain_flags.c.id == flag_id, retrain_flags.c.state.in_(ACTIVE))
    if not connection.execute(update(retrain_flags).where(same).values(values)).rowcount:
        raise FlagTakenError(f"flag {flag_id} is not active any more: nothing is recorded for it")


def raise_flag(
    connection: Connection,
    project_id: str,
    model_id: str,
    day: str,
    as_of_us: int,
    reasons: Sequence[Mapping[str, Any]],
    actor: Actor | None,
    request_id: str | None,
) -> Flag | None:
    """Raise a flag, by the rule if there is no actor, in the caller's transaction; return None if one is active."""
    row = {
        "id": uuid.uuid4().hex,
        "project_id": project_id,
        "model_id": model_id,
        "day": day,
        "as_of_us": as_of_us,
        "state": "open",
        "reasons": [dict(reason) for reason in reasons],
        "forced": actor is not None,
        "created_us": now_us(),
        "created_by": None if actor is None else actor.key_id,
        "request_id": request_id,
        "acknowledged_us": None,
        "acknowledged_by": None,
        "acknowledged_reason": None,
        "attempts": 0,
        "due_us": now_us(),
        "dagster_run_id": None,
        "error": None,
        "changed_us": now_us(),
    }
    insertion = dialect_insert(connection, retrain_flags).values(row).on_conflict_do_nothing()
    if not connection.scalar(insertion.returning(retrain_flags.c.id)):
        return None
    flag = Flag(**row)  # type: ignore[arg-type]
    alert_facts.write_recommended_fact(connection, flag)
    return flag
