"""Days that failed, days that are overdue, days on which a model drifted: read from what the stages stored.

How findings are reported is in `days.findings`.
"""

from collections.abc import Collection

from guard_core.settings import Settings
from guard_pipelines.days.findings import Finding, Inspection
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.monitoring.drift_reports import DriftReportStore

_MAX_FAILED = 500


def inspect_failures(database: Database, settings: Settings) -> tuple[Inspection, bool]:
    """Return the failed days of the store with their errors, oldest first, and whether one of them is given up."""
    store = DayStateStore(database)
    failed = store.failed(_MAX_FAILED)
    given_up = {item.key for item in failed if item.attempts > settings.pipelines.retries}
    findings = [
        _finding(item, f"{'given up' if item.key in given_up else 'waits'}, attempt {item.attempts}: {item.error}")
        for item in failed
    ]
    return Inspection(len(failed) + len(store.newest(settings)), findings), bool(given_up)


def inspect_newest_days(database: Database, settings: Settings, at_us: int | None = None) -> Inspection:
    """Return the newest closed day of each model whose newest closed day is not processed."""
    newest = DayStateStore(database).newest(settings, at_us)
    findings = [_finding(item, item.error or "not processed yet") for item in newest if not item.done]
    return Inspection(len(newest), findings)


def inspect_drift(database: Database, days: Collection[str]) -> Inspection:
    """Return the days with drift, and the columns that drifted; days without a drift report are not looked at."""
    store = DriftReportStore(database)
    findings: list[Finding] = []
    looked_at = 0
    for project_id, model_id in sorted({item.key[:2] for item in DayStateStore(database).of_days(days)}):
        for report in store.days(project_id, model_id, min(days), max(days)):
            looked_at += report.day in days
            if report.state == "drift" and report.day in days:
                columns = ", ".join(report.report["drifted"])
                findings.append({"project": project_id, "model": model_id, "day": report.day, "finding": columns})
    return Inspection(looked_at, findings)


def _finding(item: DayState, text: str) -> Finding:
    return {"project": item.project_id, "model": item.model_id, "day": item.day, "finding": text}
