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
    findings = [_finding(item, describe_failure(item, settings)) for item in failed]
    inspected = len(failed) + len(store.newest(settings))
    return Inspection(inspected, findings), any(is_given_up(item, settings) for item in failed)


def inspect_failures_of(database: Database, settings: Settings, days: Collection[str]) -> tuple[Inspection, bool]:
    """Return the failed ones of these days with their errors, and whether one of them is given up."""
    items = DayStateStore(database).of_days(days)
    failed = [item for item in items if item.failed]
    findings = [_finding(item, describe_failure(item, settings)) for item in failed]
    return Inspection(len(items), findings), any(is_given_up(item, settings) for item in failed)


def is_given_up(item: DayState, settings: Settings) -> bool:
    """Return whether a failed day is not retried any more."""
    return item.attempts > settings.pipelines.retries


def describe_failure(item: DayState, settings: Settings) -> str:
    """Describe a failed day: whether it is retried, the attempt and its error."""
    return f"{'given up' if is_given_up(item, settings) else 'waits'}, attempt {item.attempts}: {item.error}"


def inspect_newest_days(database: Database, settings: Settings, at_us: int | None = None) -> Inspection:
    """Return the newest closed day of each model whose newest closed day is not processed."""
    newest = DayStateStore(database).newest(settings, at_us)
    findings = [_finding(item, item.error or "not processed yet") for item in newest if not item.done]
    return Inspection(len(newest), findings)


def inspect_drift(database: Database, days: Collection[str]) -> Inspection:
    """Return the days with drift, and the columns that drifted; days without a drift report are not looked at."""
    store = DriftReportStore(database)
    findings: list[Finding] = []
    inspected = 0
    for project_id, model_id in sorted({item.key[:2] for item in DayStateStore(database).of_days(days)}):
        for report in store.days(project_id, model_id, min(days), max(days)):
            inspected += report.day in days
            if report.state == "drift" and report.day in days:
                columns = ", ".join(report.report["drifted"])
                findings.append({"project": project_id, "model": model_id, "day": report.day, "finding": columns})
    return Inspection(inspected, findings)


def _finding(item: DayState, text: str) -> Finding:
    return {"project": item.project_id, "model": item.model_id, "day": item.day, "finding": text}
