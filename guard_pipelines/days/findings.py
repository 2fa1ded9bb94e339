"""What a check has looked at and what it found, as Dagster's result; and the days that it looks at.

What counts as a finding belongs to the checks of each domain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg

from guard_core.settings import Settings
from guard_pipelines.days.loop import Cell, markdown
from guard_pipelines.tags import days_of
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database

Finding = dict[str, Cell]
NEWEST_DAYS = 7
"""How many days a check looks at that runs without partitions."""

_MAX_FINDINGS = 50
_CHOOSE_DAYS = "To look at other days, choose their partitions under Materialize of the asset."


@dataclass(frozen=True, slots=True)
class Inspection:
    """The findings of a check, and how many days of models (or of projects, for costs) it has looked at."""

    looked_at: int
    findings: Sequence[Finding]


def checked_days(run_tags: Mapping[str, str], database: Database, settings: Settings) -> list[str]:
    """Return the days that a check looks at: those of its run; without partitions the newest closed days with events."""
    newest = [item.local_date for item in DayStateStore(database).newest(settings)]
    return days_of(run_tags) or newest_days(max(newest, default=None))


def newest_days(last: date | None) -> list[str]:
    """Return the `NEWEST_DAYS` that end with a day; none without one.

    >>> newest_days(date(2013, 3, 3))[0], newest_days(None)
    ('2013-02-25', [])
    """
    return [] if last is None else [(last - timedelta(days=n)).isoformat() for n in reversed(range(NEWEST_DAYS))]


def check_result(
    inspection: Inspection, severity: dg.AssetCheckSeverity, days: Sequence[str], **names: Any
) -> dg.AssetCheckResult:
    """Build a result that passes if the check has looked at something without a finding.

    Findings are given as their number and a table of the newest. A check that had nothing to look at warns, and gives the reason.
    """
    findings = inspection.findings
    metadata: dict[str, Any] = {"findings": len(findings), "looked_at": inspection.looked_at}
    if days:
        metadata["days"] = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    if findings:
        newest = sorted(findings, key=lambda finding: str(finding["day"]))[-_MAX_FINDINGS:]
        metadata["newest"] = dg.MetadataValue.md(markdown(newest))
        return dg.AssetCheckResult(passed=False, severity=severity, metadata=metadata, **names)
    if not inspection.looked_at:
        metadata["reason"] = f"There was nothing to look at{_on(days)}. {_CHOOSE_DAYS}"
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, metadata=metadata, **names)
    return dg.AssetCheckResult(passed=True, severity=severity, metadata=metadata, **names)


def _on(days: Sequence[str]) -> str:
    if not days:
        return ": no day with events is closed yet"
    return f" on {days[0]}" if days[0] == days[-1] else f" from {days[0]} to {days[-1]}"
