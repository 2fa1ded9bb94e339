"""The costs of a run's days: read from AWS, summed from usage, compared with the weeks before.

How they are read is in `guard_store.costs`, which costs are unusual is computed by `ml.costs`.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from guard_core.settings import Settings
from guard_pipelines.days.findings import Finding, Inspection
from guard_pipelines.days.loop import Cell, Scope, markdown
from guard_store.costs.language_models import sum_language_models
from guard_store.costs.pull import pull_aws
from guard_store.costs.rows import CostDay, CostSource, total
from guard_store.costs.store import CostStore
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from ml.costs.anomaly import CostVerdict, cost_anomaly
from ml.costs.usual import WINDOW_WEEKS

_MAX_TABLE_ROWS = 50


@dataclass(frozen=True, slots=True)
class CostRun:
    """The costs that a run has read.

    Attributes
    ----------
    kept, failed : days of projects that were final already, and that could not be read.
    requests : to AWS; each costs 0.01 US dollars.
    """

    days: Sequence[CostDay]
    seconds: float
    kept: int = 0
    failed: int = 0
    requests: int = 0

    def numbers(self) -> dict[str, Cell]:
        """Return the run in numbers; sums by currency are text, because they are exact."""
        sums = total(line for day in self.days for line in day.lines)
        counts: dict[str, Cell] = {
            "project_days": len(self.days),
            "kept": self.kept,
            "failed": self.failed,
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
        }
        return counts | {f"total_{currency}": str(amount) for currency, amount in sums.items()}

    def table(self) -> str:
        """Return the newest days as a Markdown table."""
        newest = sorted(self.days, key=lambda day: (day.day, day.project_id))[-_MAX_TABLE_ROWS:]
        return markdown([_row(day) for day in newest])


def read_aws(scope: Scope, database: Database, settings: Settings) -> CostRun:
    """Read the days of a run for all projects; a run of the schedule does not read final days again."""
    started_s = time.perf_counter()
    projects = ProjectStore(database).page()
    outcome = pull_aws(database, settings, projects, _dates(scope), overwrite=not scope.only_unprocessed)
    seconds = time.perf_counter() - started_s
    return CostRun(outcome.read, seconds, len(outcome.kept), len(outcome.failed), outcome.requests)


def sum_usage(scope: Scope, database: Database) -> CostRun:
    """Sum the days of a run for all projects that have called language models."""
    started_s = time.perf_counter()
    days = sum_language_models(database, _dates(scope))
    return CostRun(days, time.perf_counter() - started_s)


def inspect_availability(database: Database, days: Iterable[str]) -> Inspection:
    """Return the days without figures of AWS, or whose figures could not be refreshed, and why."""
    requested = set(days)
    if not requested:
        return Inspection(0, [])
    read = [
        day
        for project in ProjectStore(database).page()
        for day in CostStore(database).days(project.id, min(requested), max(requested), "aws")
        if day.day in requested
    ]
    unavailable = [day for day in read if day.reason is not None]
    findings: list[Finding] = [
        {"project": day.project_id, "day": day.day, "finding": day.reason or ""} for day in unavailable
    ]
    return Inspection(len(read), findings)


def inspect_costs(database: Database, source: CostSource, days: Iterable[str]) -> Inspection:
    """Return the days that cost much more or less than expected from the weeks before."""
    requested = set(days)
    if not requested:
        return Inspection(0, [])
    first = date.fromisoformat(min(requested)) - timedelta(weeks=WINDOW_WEEKS)
    store = CostStore(database)
    findings: list[Finding] = []
    looked_at = 0
    for project in ProjectStore(database).page():
        growing = {d.day for d in store.days(project.id, min(requested), max(requested), source) if not d.is_final}
        for (cost_source, currency), costs in store.series(project.id, first.isoformat(), max(requested)).items():
            for day in sorted(requested) if cost_source == source else ():
                looked_at += date.fromisoformat(day) in costs
                verdict = cost_anomaly(costs, date.fromisoformat(day), estimated=day in growing)
                if verdict.is_anomaly:
                    findings.append({"project": project.id, "day": day, "finding": _describe(verdict, currency)})
    return Inspection(looked_at, findings)


def _dates(scope: Scope) -> list[date]:
    return [date.fromisoformat(day) for day in scope.days]


def _row(day: CostDay) -> dict[str, Cell]:
    sums = ", ".join(f"{amount:.2f} {currency}" for currency, amount in day.totals().items())
    return {
        "project": day.project_id,
        "day": day.day,
        "cost": sums or "0",
        "state": day.state,
        "estimated": "yes" if day.estimated else "no",
        "basis": day.basis,
    }


def _describe(verdict: CostVerdict, currency: str) -> str:
    return f"{verdict.state}: {verdict.cost:.2f} {currency}, {verdict.expected:.2f} expected"
