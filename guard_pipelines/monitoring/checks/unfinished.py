"""Days that failed, days that are overdue, days on which a model drifted: read from what the stages stored.

How findings are reported is in `days.findings`.
"""

from collections.abc import Collection

from guard_core.settings import Settings
from guard_pipelines.days.findings import Finding
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.monitoring.drift_reports import DriftReportStore


def failed_days(database: Database, days: Collection[str]) -> list[Finding]:
    """Return the days of a run that could not be processed, with the error."""
    failed = (item for item in DayStateStore(database).of_days(days) if item.failed)
    return [_finding(item, f"attempt {item.attempts}: {item.error}") for item in failed]


def overdue_days(database: Database, settings: Settings, at_us: int | None = None) -> list[Finding]:
    """Return the newest closed day of each model whose newest closed day is not processed."""
    newest = DayStateStore(database).newest(settings, at_us)
    return [_finding(item, item.error or "not processed yet") for item in newest if not item.done]


def drifted_days(database: Database, days: Collection[str]) -> list[Finding]:
    """Return the days of a run with drift, and the columns that drifted."""
    store = DriftReportStore(database)
    findings: list[Finding] = []
    for project_id, model_id in sorted({item.key[:2] for item in DayStateStore(database).of_days(days)}):
        for report in store.days(project_id, model_id, min(days), max(days)):
            if report.state == "drift" and report.day in days:
                columns = ", ".join(report.report["drifted"])
                findings.append({"project": project_id, "model": model_id, "day": report.day, "finding": columns})
    return findings


def _finding(item: DayState, text: str) -> Finding:
    return {"project": item.project_id, "model": item.model_id, "day": item.day, "finding": text}
