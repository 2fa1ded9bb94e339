"""Probations of new champions: how far each is, kept with the evaluation of the training; and rollbacks by the rule.

Whether a champion is worse is computed by `ml.retraining.probation`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

from sqlalchemy import Connection, select, update

from guard_core.days import now_us
from guard_store.db.database import Database
from guard_store.ledger.append import ConnectionStatements, append
from guard_store.retraining.champions import make_champion
from guard_store.retraining.decisions import CHAMPION_ACTIONS, Decision, last_decision
from guard_store.retraining.flag import Flag
from guard_store.retraining.registry import Registry
from guard_store.retraining.tables import training_runs
from guard_store.retraining.training_runs import TrainingRun, entry_of_rule

_KEY = "probation"
ProbationState = Literal["watching", "worse", "rolled_back", "passed", "ended"]


class ProbationOverError(Exception):
    """Another decision about the champion has ended the probation."""


@dataclass(frozen=True, slots=True)
class Probation:
    """How far the probation of a version is.

    Attributes
    ----------
    against : version of the old champion. of_days : labelled days that the probation has.
    state : watching; worse (to be rolled back), rolled_back, passed; or ended early, for `reason`.
    days, rows, last_day : of the last look; 0 and None before it. gain : at the last look, with its interval.
    """

    against: str
    of_days: int
    state: ProbationState = "watching"
    days: int = 0
    rows: int = 0
    last_day: str | None = None
    metric: str | None = None
    gain: Mapping[str, Any] | None = None
    reason: str | None = None

    @classmethod
    def of(cls, evaluation: Mapping[str, Any] | None) -> Self | None:
        """Read the probation of a version from the evaluation of its training; None if it has none."""
        stored = (evaluation or {}).get(_KEY)
        return None if stored is None else cls(**stored)

    def add_to(self, evaluation: Mapping[str, Any]) -> dict[str, Any]:
        """Return the evaluation of a training with this probation."""
        return {**evaluation, _KEY: asdict(self)}


def without_probation(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the evaluation of a training alone."""
    return {name: value for name, value in evaluation.items() if name != _KEY}


class ProbationStore:
    """Advances probations, up to a rollback."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, flag_id: str, probation: Probation) -> None:
        """Store how far a probation is."""
        with self._database.write() as connection:
            _write(connection, flag_id, probation)

    def roll_back(
        self, registry: Registry, flag: Flag, run: TrainingRun, probation: Probation, *, request_id: str | None
    ) -> Probation:
        """Make the old champion the champion again, by the rule: decision, alert, ledger entry and alias in one transaction.

        Raises
        ------
        ProbationOverError
            If a person or another training has decided about the champion meanwhile; nothing is written then.
        """
        key, version, reason = (run.project_id, run.model_id), str(run.model_version), str(probation.reason)
        after = replace(probation, state="rolled_back")

        def record(connection: Connection) -> None:
            decision = last_decision(connection, *key, *CHAMPION_ACTIONS)
            if decision is None or not is_promotion_by_rule(decision, version):
                raise ProbationOverError(
                    f"version {version} is not the champion by the rule any more: another decision was made meanwhile"
                )
            _write(connection, flag.id, after)
            entry = entry_of_rule(flag, "rolled_back", reason, probation.against)
            append(ConnectionStatements(connection), [entry])

        make_champion(
            self._database,
            registry,
            key,
            probation.against,
            "rolled_back",
            reason=reason,
            actor=None,
            champion_before=version,
            request_id=request_id,
            details={"flag_id": flag.id, "gain": dict(probation.gain or {})},
            record=record,
        )
        return after


def is_promotion_by_rule(decision: Decision, version: str) -> bool:
    """Return whether a decision is the promotion of a version by the rule: only this may the rule undo."""
    return decision.decided_by == "rule" and decision.action == "promoted" and decision.version == version


def _write(connection: Connection, flag_id: str, probation: Probation) -> None:
    same = training_runs.c.flag_id == flag_id
    evaluation = connection.scalar(select(training_runs.c.evaluation).where(same)) or {}
    values = {"evaluation": probation.add_to(evaluation), "changed_us": now_us()}
    connection.execute(update(training_runs).where(same).values(values))
