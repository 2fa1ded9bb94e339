"""Results of the retrain rule by local day, each with the flag that it raised.

Applying the rule is `ml.retraining.rule`; the further states of a flag are `flags`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from guard_store.db.conditions import of_day
from guard_store.db.database import Database
from guard_store.db.day_results import DayResultStore
from guard_store.retraining.flag import Flag
from guard_store.retraining.flags import raise_flag
from guard_store.retraining.tables import retrain_evaluations


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of the rule for a day."""

    project_id: str
    model_id: str
    day: str
    recommended: bool
    result: Mapping[str, Any]
    flag_id: str | None
    run_id: str | None
    computed_us: int


class EvaluationStore(DayResultStore[Evaluation]):
    """Reads and replaces evaluations."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, retrain_evaluations, Evaluation)

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
        """Store the result of a day, and raise a flag if the rule recommends retraining and no flag is active.

        Returns
        -------
        The new flag; None if nothing was recommended, a flag is active, or this day raised one before.
        """
        recorded_flag = select(retrain_evaluations.c.flag_id).where(
            of_day(retrain_evaluations, project_id, model_id, day)
        )
        with self._database.write() as connection:
            flag_id = connection.scalar(recorded_flag)
            flag = None
            if recommended and flag_id is None:
                reasons = list(result["reasons"])
                flag = raise_flag(connection, project_id, model_id, day, as_of_us, reasons, None, request_id)
            row = {
                "recommended": recommended,
                "result": dict(result),
                "flag_id": flag_id if flag is None else flag.id,
                "run_id": run_id,
            }
            self._replace(connection, project_id, model_id, day, [row])
        return flag
