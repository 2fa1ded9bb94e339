"""What the retrain rule has said of each day, and the flag that a day has raised.

Applying the rule belongs to `ml.retraining.rule`; what becomes of a flag is in `retrain.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, select

from guard_core.days import now_us
from guard_store.db.database import Database
from guard_store.retraining.flag import Flag
from guard_store.retraining.flags import raise_flag
from guard_store.retraining.tables import retrain_evaluations


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the rule has said of a day."""

    project_id: str
    model_id: str
    day: str
    recommended: bool
    result: Mapping[str, Any]
    flag_id: str | None
    run_id: str | None
    computed_us: int


class EvaluationStore:
    """Reads and replaces evaluations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(
        self,
        project_id: str,
        model_id: str,
        day: str,
        *,
        recommended: bool,
        result: Mapping[str, Any],
        as_of_us: int,
        run_id: str,
        request_id: str | None,
    ) -> Flag | None:
        """Store what the rule said of a day and raise its flag where it recommends one and none is active.

        Returns
        -------
        The flag that was raised; None where nothing was recommended, a flag is active, or this day raised one before.
        """
        row = {
            "project_id": project_id,
            "model_id": model_id,
            "day": day,
            "recommended": recommended,
            "result": dict(result),
            "flag_id": None,
            "run_id": run_id,
            "computed_us": now_us(),
        }
        of_day = and_(_of_model(project_id, model_id), retrain_evaluations.c.day == day)
        with self._database.write() as connection:
            before = connection.scalar(select(retrain_evaluations.c.flag_id).where(of_day))
            flag = None
            if recommended and before is None:
                reasons = list(result["reasons"])
                flag = raise_flag(connection, project_id, model_id, day, as_of_us, reasons, None, request_id)
            connection.execute(delete(retrain_evaluations).where(of_day))
            flag_id = before if flag is None else flag.id
            connection.execute(insert(retrain_evaluations), {**row, "flag_id": flag_id})
        return flag

    def days(
        self,
        project_id: str,
        model_id: str,
        start_day: str,
        end_day: str,
        *,
        after_day: str = "",
        limit: int | None = None,
    ) -> list[Evaluation]:
        """What the rule has said of a closed range of days, oldest first, after `after_day`."""
        c = retrain_evaluations.c
        statement = (
            select(retrain_evaluations)
            .where(_of_model(project_id, model_id))
            .where(c.day.between(start_day, end_day), c.day > after_day)
            .order_by(c.day)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [Evaluation(**row._mapping) for row in connection.execute(statement)]


def _of_model(project_id: str, model_id: str) -> ColumnElement[bool]:
    c = retrain_evaluations.c
    return and_(c.project_id == project_id, c.model_id == model_id)
