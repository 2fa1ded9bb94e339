"""The drift report of each (project, model, local day).

Reports are JSON objects built by `ml.monitoring.verdicts`; here they are only stored, replaced and listed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import JSON, ColumnElement, Select, Text, cast, func, select, type_coerce

from guard_store.db.conditions import of_model
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


@dataclass(frozen=True, slots=True)
class DayStates:
    """The number of columns of a day by the state of their verdicts; states without a column are left out."""

    project_id: str
    model_id: str
    day: str
    columns: Mapping[str, int]


class ColumnVerdict(msgspec.Struct, frozen=True):
    """What a stored report states about one column; the rest of the report is not decoded."""

    column: str
    state: str
    reason: str
    effect: float | None = None
    drift_threshold: float | None = None
    n: int | None = None
    required_n: int | None = None
    window_days: int | None = None
    missing_share: float | None = None
    reference_missing_share: float | None = None


@dataclass(frozen=True, slots=True)
class DayColumns:
    """The verdicts of a day: on the day as a whole, and on each column."""

    day: str
    state: str
    columns: Sequence[ColumnVerdict]


class _Columns(msgspec.Struct):
    columns: list[ColumnVerdict] = []


@dataclass(frozen=True, slots=True)
class ColumnDay:
    """The verdict of a day's report on one column; all attributes but those of the day are None if the column is not judged."""

    day: str
    baseline_id: str | None
    state: str | None
    method: str | None
    effect: float | None
    missing_share: float | None
    unseen_share: float | None
    n: int | None
    m: int | None
    design_effect: float | None
    about: str | None


class DriftReportStore(DayResultStore[StoredReport]):
    """Reads and replaces drift reports."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, drift_reports, StoredReport)

    def newest_verdicts(self, days: int, project_id: str | None = None) -> list[DayVerdict]:
        """Return the verdicts on the newest days of every model, oldest first; of one project, or of all."""
        c = drift_reports.c
        statement = select_newest_days(drift_reports, [c.project_id, c.model_id, c.day, c.state], days, project_id)
        with self._database.read() as connection:
            return [DayVerdict(*row) for row in connection.execute(statement).all()]

    def newest_states(self) -> list[DayStates]:
        """Count the columns of the newest day of every model by the state of their verdicts, in the database."""
        c = drift_reports.c
        key = [c.project_id, c.model_id, c.day]
        state = _verdicts(self._database)["state"].as_string().label("state")
        verdicts = select_newest_days(drift_reports, [*key, state], 1, None).subquery()
        counts: Select[Any] = select(*verdicts.c, func.count()).group_by(*verdicts.c)
        by_day: dict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
        with self._database.read() as connection:
            for project_id, model_id, day, name, columns in connection.execute(counts):
                by_day[project_id, model_id, day][name] = columns
        return [DayStates(*day, columns) for day, columns in by_day.items()]

    def columns(self, project_id: str, model_id: str, start_day: str, end_day: str) -> list[DayColumns]:
        """Return the verdicts on the columns on each day of a closed range, oldest first.

        Reports are decoded in part only: a year of them is megabytes of JSON.
        """
        c = drift_reports.c
        statement = (
            select(c.day, c.state, cast(c.report, Text))
            .where(self._in_range(project_id, model_id, start_day, end_day, ""))
            .order_by(c.day)
        )
        return self._decode_columns(statement)

    def newest_columns(self, project_id: str, model_id: str) -> DayColumns | None:
        """Return the verdicts on the columns on the newest day with a report."""
        c = drift_reports.c
        statement = (
            select(c.day, c.state, cast(c.report, Text))
            .where(of_model(drift_reports, project_id, model_id))
            .order_by(c.day.desc())
            .limit(1)
        )
        return next(iter(self._decode_columns(statement)), None)

    def _decode_columns(self, statement: Select[Any]) -> list[DayColumns]:
        decoder = msgspec.json.Decoder(_Columns)
        with self._database.read() as connection:
            return [
                DayColumns(day, state, decoder.decode(report).columns)
                for day, state, report in connection.execute(statement).all()
            ]

    def newest_day(self, project_id: str, model_id: str) -> str | None:
        """Return the newest day of a model with a report; None without one."""
        statement = select(func.max(drift_reports.c.day)).where(of_model(drift_reports, project_id, model_id))
        with self._database.read() as connection:
            day: str | None = connection.scalar(statement)
        return day

    def column_history(
        self, project_id: str, model_id: str, column: str, start_day: str, end_day: str
    ) -> list[ColumnDay]:
        """Return the verdicts on a column on those days of a closed range that have a report, oldest first."""
        in_range = self._in_range(project_id, model_id, start_day, end_day, "")
        verdict = _verdicts(self._database)
        of_column = (
            select(
                drift_reports.c.day,
                verdict["state"].as_string().label("state"),
                verdict["method"].as_string().label("method"),
                verdict["effect"].as_float().label("effect"),
                verdict["missing_share"].as_float().label("missing_share"),
                verdict[("statistics", "unseen_share")].as_float().label("unseen_share"),
                verdict["n"].as_integer().label("n"),
                verdict["m"].as_integer().label("m"),
                verdict["design_effect"].as_float().label("design_effect"),
                verdict["about"].as_string().label("about"),
            )
            .where(in_range, verdict["column"].as_string() == column)
            .subquery()
        )
        statement = (
            select(
                drift_reports.c.day, drift_reports.c.baseline_id, *(item for item in of_column.c if item.name != "day")
            )
            .outerjoin(of_column, of_column.c.day == drift_reports.c.day)
            .where(in_range)
            .order_by(drift_reports.c.day)
        )
        with self._database.read() as connection:
            return [ColumnDay(*row) for row in connection.execute(statement).all()]

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


def _verdicts(database: Database) -> ColumnElement[Any]:
    """Return the verdicts of a report as rows beside it, so that a statement reads one column instead of whole reports."""
    report = drift_reports.c.report
    items = func.json_each(report, "$.columns") if database.is_sqlite else func.json_array_elements(report["columns"])
    return type_coerce(items.table_valued("value", joins_implicitly=True).c.value, JSON)
