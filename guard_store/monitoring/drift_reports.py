"""The drift report of each (project, model, local day).

Reports are JSON objects that `ml.monitoring.verdicts` made; they are stored, replaced and listed here, not judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, insert, select

from guard_core.days import now_us
from guard_store.db.database import Database
from guard_store.monitoring.tables import drift_reports


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A day's drift report; `window_days` is the longest trailing window that any of its verdicts looked at."""

    project_id: str
    model_id: str
    day: str
    state: str
    baseline_id: str | None
    window_days: int
    report: Mapping[str, Any]
    revision: int
    run_id: str | None
    computed_us: int


class DriftReportStore:
    """Reads and replaces drift reports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(
        self,
        project_id: str,
        model_id: str,
        day: str,
        *,
        state: str,
        baseline_id: str | None,
        window_days: int,
        report: Mapping[str, Any],
        revision: int,
        run_id: str | None,
    ) -> None:
        """Replace the report of a day in one transaction."""
        row = {
            "project_id": project_id,
            "model_id": model_id,
            "day": day,
            "state": state,
            "baseline_id": baseline_id,
            "window_days": window_days,
            "report": dict(report),
            "revision": revision,
            "run_id": run_id,
            "computed_us": now_us(),
        }
        with self._database.write() as connection:
            connection.execute(delete(drift_reports).where(_of_model(project_id, model_id), drift_reports.c.day == day))
            connection.execute(insert(drift_reports), row)

    def remove(self, project_id: str, model_id: str, day: str) -> None:
        """Remove the report of a day that has no events any more."""
        with self._database.write() as connection:
            connection.execute(delete(drift_reports).where(_of_model(project_id, model_id), drift_reports.c.day == day))

    def days(
        self,
        project_id: str,
        model_id: str,
        start_day: str,
        end_day: str,
        *,
        limit: int | None = None,
        after_day: str = "",
    ) -> list[StoredReport]:
        """Reports of a closed range of days, oldest first, after `after_day`."""
        statement = (
            select(drift_reports)
            .where(_of_model(project_id, model_id), drift_reports.c.day.between(start_day, end_day))
            .where(drift_reports.c.day > after_day)
            .order_by(drift_reports.c.day)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [StoredReport(**row._mapping) for row in connection.execute(statement)]


def _of_model(project_id: str, model_id: str) -> Any:
    return and_(drift_reports.c.project_id == project_id, drift_reports.c.model_id == model_id)
