"""The columns that have changed most on the newest judged day, as a table of Dagster: effect, threshold and reason.

Verdicts are computed by `ml.monitoring.verdicts`; which days are findings is in `unfinished`.
"""

from collections.abc import Collection

import dagster as dg

from guard_core.columns import feature_name
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.monitoring.drift_reports import ColumnVerdict, DriftReportStore
from ml.monitoring.verdicts.report import STATES

_MAX_COLUMNS = 20
_MAX_REASON_CHARACTERS = 200
_SCHEMA = dg.TableSchema(
    [
        dg.TableColumn("project"),
        dg.TableColumn("model"),
        dg.TableColumn("day", "date"),
        dg.TableColumn("column"),
        dg.TableColumn("state", description="Worst first: drift, warning, columns that cannot be compared, stable."),
        dg.TableColumn("effect", "float", "How far the column is from its baseline, by the statistic of its kind."),
        dg.TableColumn("threshold", "float", "Effect from which a significant change is drift."),
        dg.TableColumn("reason"),
    ]
)


def tabulate_worst_columns(database: Database, days: Collection[str]) -> dict[str, dg.TableMetadataValue]:
    """Tabulate the worst columns of all models on the newest of these days that has a drift report; nothing without one."""
    store = DriftReportStore(database)
    verdicts: dict[str, list[tuple[str, str, ColumnVerdict]]] = {}
    for project_id, model_id in sorted({item.key[:2] for item in DayStateStore(database).of_days(days)}):
        for of_day in store.columns(project_id, model_id, min(days), max(days)):
            if of_day.day in days:
                verdicts.setdefault(of_day.day, []).extend((project_id, model_id, column) for column in of_day.columns)
    if not verdicts:
        return {}
    newest = max(verdicts)
    worst = sorted(verdicts[newest], key=lambda verdict: _rank(verdict[2]))[:_MAX_COLUMNS]
    return {"worst_columns": dg.MetadataValue.table([_record(*verdict, newest) for verdict in worst], _SCHEMA)}


def _rank(verdict: ColumnVerdict) -> tuple[int, float, str]:
    of_threshold = (verdict.effect or 0.0) / verdict.drift_threshold if verdict.drift_threshold else 0.0
    return STATES.index(verdict.state), -of_threshold, verdict.column


def _record(project_id: str, model_id: str, verdict: ColumnVerdict, day: str) -> dg.TableRecord:
    cells = {
        "project": project_id,
        "model": model_id,
        "day": day,
        "column": feature_name(verdict.column),
        "state": verdict.state,
        "effect": "" if verdict.effect is None else round(verdict.effect, 4),
        "threshold": "" if verdict.drift_threshold is None else verdict.drift_threshold,
        "reason": verdict.reason[:_MAX_REASON_CHARACTERS],
    }
    return dg.TableRecord(cells)
