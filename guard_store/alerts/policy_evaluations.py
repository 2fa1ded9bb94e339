"""Evaluations of alert policies: which models are due, and which day, changes and policies the last evaluation covered.

A model is due when its newest measured day, or its policies, differ from those of its last evaluation. Evaluating
policies belongs to the pipelines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select

from guard_core.days import now_us
from guard_store.alerts.tables import alert_looks
from guard_store.day_state.tables import day_states
from guard_store.db.database import Database
from guard_store.db.upsert import dialect_insert
from guard_store.ingest.tables import events


@dataclass(frozen=True, slots=True)
class PolicyEvaluation:
    """The newest measured day of a model, its number of changes, and the digest of the policies that apply to it."""

    project_id: str
    model_id: str
    day: str
    changes: int
    policies: str

    @property
    def model(self) -> tuple[str, str]:
        """Project and model id."""
        return self.project_id, self.model_id


class PolicyEvaluationStore:
    """Reads which evaluations are due."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, policies: Mapping[str, str]) -> Sequence[PolicyEvaluation]:
        """Return the evaluations that differ from the last one of their model; `policies` are digests by project."""
        n, last = day_states.c, alert_looks.c
        measured = and_(n.events > 0, n.performance_revision >= n.revision)
        newest = (
            select(n.project_id, n.model_id, func.max(n.day).label("day"))
            .where(measured)
            .group_by(n.project_id, n.model_id)
            .subquery()
        )
        of_day = and_(n.project_id == newest.c.project_id, n.model_id == newest.c.model_id, n.day == newest.c.day)
        of_model = and_(last.project_id == n.project_id, last.model_id == n.model_id)
        statement = (
            select(n.project_id, n.model_id, n.day, n.changes)
            .add_columns(last.day.label("last_day"), last.changes.label("last_changes"))
            .add_columns(func.coalesce(last.policies, "").label("policies"))
            .select_from(day_states.join(newest, of_day).outerjoin(alert_looks, of_model))
            .order_by(n.project_id, n.model_id)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return [
            PolicyEvaluation(row.project_id, row.model_id, row.day, row.changes, policies[row.project_id])
            for row in rows
            if row.project_id in policies
            and (row.last_day, row.last_changes, row.policies) != (row.day, row.changes, policies[row.project_id])
        ]

    def last_event_us(self, project_id: str, model_id: str) -> int | None:
        """Return when the model's newest event happened, or arrived if that is later; None if there is no event."""
        e = events.c
        newest = select(e.ts_us, e.received_us).where(e.project_id == project_id, e.model_id == model_id)
        with self._database.read() as connection:
            row = connection.execute(newest.order_by(e.ts_us.desc()).limit(1)).one_or_none()
        return None if row is None else max(row.ts_us, row.received_us)


def write_policy_evaluation(connection: Connection, evaluation: PolicyEvaluation) -> None:
    """Record an evaluation in the transaction that writes its facts."""
    values = {
        "day": evaluation.day,
        "changes": evaluation.changes,
        "policies": evaluation.policies,
        "looked_us": now_us(),
    }
    insertion = dialect_insert(connection, alert_looks).values(
        project_id=evaluation.project_id, model_id=evaluation.model_id, **values
    )
    connection.execute(insertion.on_conflict_do_update(index_elements=["project_id", "model_id"], set_=values))
