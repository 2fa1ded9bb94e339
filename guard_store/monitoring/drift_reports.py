"""The drift report of each (project, model, local day).

Reports are JSON objects built by `ml.monitoring.verdicts`; here they are only stored, replaced and listed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guard_store.db.database import Database
from guard_store.db.day_results import DayResultStore
from guard_store.db.newest_days import select_newest_days
from guard_store.monitoring.tables import drift_reports


@dataclass(frozen=True, slots=True)
class StoredReport:
    """The drift report of a day; `window_days` is the longest trailing window of its verdicts."""

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


@dataclass(frozen=True, slots=True)
class DayVerdict:
    """The verdict on a day as a whole."""

    project_id: str
    model_id: str
    day: str
    state: str


class DriftReportStore(DayResultStore[StoredReport]):
    """Reads and replaces drift reports."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, drift_reports, StoredReport)

    def newest_verdicts(self, days: int, project_id: str | None = None) -> list[DayVerdict]:
        """Return the verdicts on the newest days of every model, oldest first; of one project, or of all."""
        c = drift_reports.c
        statement = select_newest_days(drift_reports, [c.project_id, c.model_id, c.day, c.state], days, project_id)
        with self._database.read() as connection:
            return [DayVerdict(*row) for row in connection.execute(statement)]

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
            "state": state,
            "baseline_id": baseline_id,
            "window_days": window_days,
            "report": dict(report),
            "revision": revision,
            "run_id": run_id,
        }
        with self._database.write() as connection:
            self._replace(connection, project_id, model_id, day, [row])

    def remove(self, project_id: str, model_id: str, day: str) -> None:
        """Remove the report of a day that has no events any more."""
        with self._database.write() as connection:
            self._replace(connection, project_id, model_id, day, [])
