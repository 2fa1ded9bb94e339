"""Trainings of flags: progress, data, MLflow run and model version. States only advance."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, insert, select, update

from guard_core.days import now_us
from guard_store.db.conditions import of_model
from guard_store.db.database import Database
from guard_store.ledger.append import ConnectionStatements, append
from guard_store.ledger.entry import Entry
from guard_store.retraining import alert_facts
from guard_store.retraining.decisions import Action, write_decision
from guard_store.retraining.flag import Flag
from guard_store.retraining.flags import finish
from guard_store.retraining.tables import training_runs

_DONE = 200


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """The training of one flag.

    Attributes
    ----------
    state : prepared, trained, evaluated or registered.
    data : the training data: `lake_version`, `as_of_us`, `split_us`, days, counts and digest.
    evaluation : result of the promotion rule, with feature importances and the probation; None before.
    """

    flag_id: str
    project_id: str
    model_id: str
    state: str
    dagster_run_id: str | None
    mlflow_run_id: str | None
    model_version: str | None
    data: Mapping[str, Any]
    evaluation: Mapping[str, Any] | None
    baseline_id: str | None
    created_us: int
    changed_us: int


class TrainingRunStore:
    """Reads and advances trainings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_flag(self, flag_id: str) -> TrainingRun | None:
        """Return the training of a flag."""
        return self._one(training_runs.c.flag_id == flag_id)

    def of_version(self, project_id: str, model_id: str, version: str) -> TrainingRun | None:
        """Return the training that produced a version."""
        c = training_runs.c
        return self._one(and_(of_model(training_runs, project_id, model_id), c.model_version == version))

    def of_run(self, run_id: str) -> TrainingRun | None:
        """Return the training of a run of MLflow or Dagster."""
        c = training_runs.c
        return self._one(c.mlflow_run_id == run_id) or self._one(c.dagster_run_id == run_id)

    def prepare(self, flag: Flag, data: Mapping[str, Any], run_id: str) -> TrainingRun:
        """Record the data of a flag's training."""
        row = {
            "flag_id": flag.id,
            "project_id": flag.project_id,
            "model_id": flag.model_id,
            "state": "prepared",
            "dagster_run_id": run_id,
            "mlflow_run_id": None,
            "model_version": None,
            "data": dict(data),
            "evaluation": None,
            "baseline_id": None,
            "created_us": now_us(),
            "changed_us": now_us(),
        }
        with self._database.write() as connection:
            connection.execute(insert(training_runs), row)
        return TrainingRun(**row)  # type: ignore[arg-type]

    def advance(self, flag_id: str, state: str, **values: Any) -> None:
        """Record a completed state with its results."""
        statement = update(training_runs).where(training_runs.c.flag_id == flag_id)
        with self._database.write() as connection:
            connection.execute(statement.values(state=state, changed_us=now_us(), **values))

    def finish(self, flag: Flag, *, action: Action, reason: str, version: str, champion_before: str | None) -> None:
        """Close a flag and record the decision on its version, in one transaction.

        Raises
        ------
        FlagTakenError
            If the flag is not active any more; nothing is written then.
        """
        values = {"state": "registered", "model_version": version, "changed_us": now_us()}
        with self._database.write() as connection:
            finish(connection, flag.id)
            connection.execute(update(training_runs).where(training_runs.c.flag_id == flag.id).values(values))
            write_decision(
                connection,
                flag.project_id,
                flag.model_id,
                action,
                reason=reason,
                actor=None,
                version=version,
                champion_before=champion_before,
                details={"flag_id": flag.id},
                request_id=flag.request_id,
            )
            alert_facts.write_finished_fact(
                connection, flag, action, reason=reason, version=version, champion=champion_before
            )
            append(ConnectionStatements(connection), [entry_of_rule(flag, action, reason, version)])

    def count_evaluations(self, flag: Flag, data: Mapping[str, Any]) -> int:
        """Count the decisions for other flags of the model on held-out days that overlap those of the given data."""
        c = training_runs.c
        statement = (
            select(c.data)
            .where(of_model(training_runs, flag.project_id, flag.model_id))
            .where(c.flag_id != flag.id, c.state.in_(("evaluated", "registered")))
        )
        with self._database.read() as connection:
            evaluations = connection.scalars(statement).all()
        first, last = data["held_first_day"], data["held_last_day"]
        return sum(item["held_first_day"] <= last and item["held_last_day"] >= first for item in evaluations)

    def lake_versions(self, since_us: int) -> dict[tuple[str, str], set[int]]:
        """Return the lake versions that trainings since an instant have read, by model."""
        c = training_runs.c
        versions: dict[tuple[str, str], set[int]] = defaultdict(set)
        with self._database.read() as connection:
            for row in connection.execute(select(c.project_id, c.model_id, c.data).where(c.created_us >= since_us)):
                versions[row.project_id, row.model_id].add(row.data["lake_version"])
        return versions

    def newest(self, project_id: str, model_id: str, limit: int) -> Sequence[TrainingRun]:
        """Return the trainings of a model, newest first."""
        c = training_runs.c
        statement = (
            select(training_runs)
            .where(of_model(training_runs, project_id, model_id))
            .order_by(c.created_us.desc(), c.flag_id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [TrainingRun(**row._mapping) for row in connection.execute(statement)]

    def _one(self, condition: ColumnElement[bool]) -> TrainingRun | None:
        with self._database.read() as connection:
            row = connection.execute(select(training_runs).where(condition).limit(1)).one_or_none()
        return None if row is None else TrainingRun(**row._mapping)


def entry_of_rule(flag: Flag, action: Action, reason: str, version: str) -> Entry:
    """Build the ledger's entry of a decision by the rule, which no request carries."""
    details = {"decided_by": "rule", "action": action, "reason": reason, "flag_id": flag.id}
    return Entry(
        at_us=now_us(),
        route="promotion",
        method="RULE",
        status=_DONE,
        request_id=flag.request_id,
        project_id=flag.project_id,
        model=f"{flag.model_id}/{version}",
        details=msgspec.json.encode(details).decode(),
    )
