"""The kind of each column of a model (numeric, categorical, boolean, text): learned once, stored, overridable.

Learning kinds from values is `ml.monitoring.kinds`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import and_, delete, select, update

from guard_core.columns import KINDS, LABEL, PREDICTION
from guard_core.days import now_us
from guard_store.day_state.invalidation import invalidate_lake
from guard_store.db.conditions import of_model
from guard_store.db.database import Database
from guard_store.db.upsert import dialect_insert
from guard_store.monitoring.tables import feature_kinds


@dataclass(frozen=True, slots=True)
class ColumnKind:
    """The kind of one lake column: `feature_<name>`, `y_pred` or `y_true`."""

    project_id: str
    model_id: str
    feature: str
    kind: str
    source: Literal["learned", "override"]
    updated_us: int


class KindStore:
    """Stores the kinds of models' columns, by lake column name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, project_id: str, model_id: str) -> dict[str, str]:
        """Return kinds by lake column, sorted by name."""
        return {row.feature: row.kind for row in self.list(project_id, model_id)}

    def list(self, project_id: str, model_id: str) -> Sequence[ColumnKind]:
        """Return all columns of a model, sorted by name."""
        statement = (
            select(feature_kinds).where(of_model(feature_kinds, project_id, model_id)).order_by(feature_kinds.c.feature)
        )
        with self._database.read() as connection:
            return [ColumnKind(**row._mapping) for row in connection.execute(statement)]

    def learn(self, project_id: str, model_id: str, kinds: Mapping[str, str]) -> None:
        """Store the kinds of columns that have none yet; a kind that was learned or set before stays."""
        rows = [_row(project_id, model_id, column, kind, "learned") for column, kind in sorted(kinds.items())]
        if rows:
            with self._database.write() as connection:
                # Not as one statement of many values: databases limit its parameters.
                connection.execute(dialect_insert(connection, feature_kinds).on_conflict_do_nothing(), rows)

    def override(
        self, project_id: str, model_id: str, column: str, kind: str, *, request_id: str | None = None
    ) -> ColumnKind:
        """Set the kind of a column and make all days of the model due again, in one transaction.

        Raises
        ------
        ValueError
            If there is no such kind.
        """
        row = _row(project_id, model_id, column, kind, "override")
        new = {name: row[name] for name in ("kind", "source", "updated_us")}
        of_labels = and_(of_model(feature_kinds, project_id, model_id), feature_kinds.c.feature == LABEL)
        key = [feature_kinds.c.project_id, feature_kinds.c.model_id, feature_kinds.c.feature]
        with self._database.write() as connection:
            statement = dialect_insert(connection, feature_kinds).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=key, set_=new))
            if column == PREDICTION:  # labels are compared with predictions: they are of one kind
                connection.execute(update(feature_kinds).where(of_labels).values(new))
            invalidate_lake(connection, project_id, model_id, request_id=request_id)
        return ColumnKind(**row)

    def forget(self, project_id: str, model_id: str, column: str, *, request_id: str | None = None) -> bool:
        """Delete the kind of a column; all days of the model are due again, and learn it anew. One transaction.

        Returns
        -------
        Whether the column had a kind.
        """
        columns = [PREDICTION, LABEL] if column == PREDICTION else [column]  # labels are compared with predictions
        of_columns = and_(of_model(feature_kinds, project_id, model_id), feature_kinds.c.feature.in_(columns))
        with self._database.write() as connection:
            if not connection.execute(delete(feature_kinds).where(of_columns)).rowcount:
                return False
            invalidate_lake(connection, project_id, model_id, request_id=request_id)
        return True


def _row(project_id: str, model_id: str, column: str, kind: str, source: str) -> dict[str, Any]:
    if kind not in KINDS:
        raise ValueError(f"kind of {column!r} is {kind!r}; it must be one of {', '.join(KINDS)}")
    return {
        "project_id": project_id,
        "model_id": model_id,
        "feature": column,
        "kind": kind,
        "source": source,
        "updated_us": now_us(),
    }
