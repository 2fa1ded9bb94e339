"""What a check has looked at and what it found, as Dagster's result; and the days that it looks at.

What counts as a finding belongs to the checks of each domain.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

import dagster as dg

from guard_core.settings import Settings
from guard_pipelines.days.loop import Cell, markdown
from guard_pipelines.tags import UNPROCESSED, days_of
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database

Finding = dict[str, Cell]
NEWEST_DAYS = 7
"""How many days a check looks at that runs without partitions."""

_MAX_FINDINGS = 50
_CHOOSE_DAYS = "To look at other days, choose their partitions under Materialize of the asset."


@dataclass(frozen=True, slots=True)
class Inspection:
    """The findings of a check, and how many days of models (or of projects, for costs) it has inspected."""

    inspected: int
    findings: Sequence[Finding]


def inspect_days(
    run_tags: Mapping[str, str],
    database: Database,
    settings: Settings,
    inspect: Callable[[list[str]], Mapping[str, Inspection]],
) -> tuple[list[str], Mapping[str, Inspection]]:
    """Inspect the days of a run, or the newest closed days with events: return the days, and the inspection of each check.

    The newest closed days are inspected if the run has no partitions, or if it is one of unprocessed days and there was nothing to inspect
    on them: the daily schedule may run a day without events.
    """
    days = days_of(run_tags)
    if days:
        inspections = inspect(days)
        if UNPROCESSED not in run_tags or any(inspection.inspected for inspection in inspections.values()):
            return days, inspections
    days = newest_closed_days(database, settings)
    return days, inspect(days)


def newest_closed_days(database: Database, settings: Settings) -> list[str]:
    """Return the `NEWEST_DAYS` that end with the newest closed day with events."""
    return newest_days(max((item.local_date for item in DayStateStore(database).newest(settings)), default=None))


def newest_days(last: date | None) -> list[str]:
    """Return the `NEWEST_DAYS` that end with a day; none without one.

    >>> newest_days(date(2013, 3, 3))[0], newest_days(None)
    ('2013-02-25', [])
    """
    return [] if last is None else [(last - timedelta(days=n)).isoformat() for n in reversed(range(NEWEST_DAYS))]


def check_result(
    inspection: Inspection,
    severity: dg.AssetCheckSeverity,
    days: Sequence[str],
    tables: Mapping[str, dg.TableMetadataValue] = MappingProxyType({}),
    **names: Any,
) -> dg.AssetCheckResult:
    """Build a result that passes if the check has looked at something without a finding.

    Findings are given as their number and a table of the newest. A check that had nothing to inspect warns, and gives the reason.
    """
    findings = inspection.findings
    metadata: dict[str, Any] = {"findings": len(findings), "inspected": inspection.inspected, **tables}
    if days:
        metadata["days"] = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    if findings:
        newest = sorted(findings, key=lambda finding: str(finding["day"]))[-_MAX_FINDINGS:]
        metadata["newest"] = dg.MetadataValue.md(markdown(newest))
        return dg.AssetCheckResult(passed=False, severity=severity, metadata=metadata, **names)
    if not inspection.inspected:
        metadata["reason"] = f"There was nothing to inspect{_on(days)}. {_CHOOSE_DAYS}"
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, metadata=metadata, **names)
    return dg.AssetCheckResult(passed=True, severity=severity, metadata=metadata, **names)


def _on(days: Sequence[str]) -> str:
    if not days:
        return ": no day with events is closed yet"
    return f" on {days[0]}" if days[0] == days[-1] else f" from {days[0]} to {days[-1]}"
