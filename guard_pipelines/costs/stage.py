"""The costs of a run's days: read from AWS, summed from usage, compared with the weeks before.

How they are read is in `guard_store.costs`, which costs are unusual is computed by `ml.costs`.
"""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from guard_core.settings import Settings
from guard_pipelines.days.findings import Finding, Inspection
from guard_pipelines.days.loop import Cell, Scope, short_table
from guard_store.costs.language_models import is_any_usage, sum_language_models
from guard_store.costs.pull import pull_aws
from guard_store.costs.rows import CostDay, CostSource, total
from guard_store.costs.store import CostStore
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from ml.costs.anomaly import CostVerdict, cost_anomaly
from ml.costs.usual import WINDOW_WEEKS


@dataclass(frozen=True, slots=True)
class CostRun:
    """The costs that a run has read.

    Attributes
    ----------
    kept, failed : days of projects that were final already, and that could not be read, as (project, day).
    requests : to AWS; each costs 0.01 US dollars.
    """

    days: Sequence[CostDay]
    seconds: float
    kept: Collection[tuple[str, str]] = ()
    failed: Collection[tuple[str, str]] = ()
    requests: int = 0

    def numbers(self) -> dict[str, Cell]:
        """Return the run in numbers."""
        return {
            "project_days": len(self.days),
            "kept": len(self.kept),
            "failed": len(self.failed),
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
        }

    def numbers_of(self, day: str) -> dict[str, Cell]:
        """Return a day in numbers: its projects, and the sum of each currency, as a number for Dagster's plots."""
        read = self._read_on(day)
        counts: dict[str, Cell] = {
            "projects": len(read),
            "kept": _count(self.kept, day),
            "failed": _count(self.failed, day),
        }
        sums = total(line for of_project in read for line in of_project.lines)
        return counts | {f"total_{currency}": float(amount) for currency, amount in sums.items()}

    def table_of(self, day: str) -> str:
        """Return the costs of a day by project as a Markdown table."""
        return short_table([_row(of_project) for of_project in self._read_on(day)])

    def _read_on(self, day: str) -> list[CostDay]:
        return [of_project for of_project in self.days if of_project.day == day]


def read_aws(scope: Scope, database: Database, settings: Settings) -> CostRun:
    """Read the days of a run for all projects; a run of the schedule does not read final days again."""
    started_s = time.perf_counter()
    projects = ProjectStore(database).page()
    outcome = pull_aws(database, settings, projects, _dates(scope), overwrite=not scope.only_unprocessed)
    seconds = time.perf_counter() - started_s
    return CostRun(outcome.read, seconds, outcome.kept, outcome.failed, outcome.requests)


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


def inspect_costs(database: Database, days: Iterable[str], source: CostSource) -> Inspection:
    """Return the days that cost much more or less than expected from the weeks before."""
    requested = set(days)
    if not requested:
        return Inspection(0, [])
    first = date.fromisoformat(min(requested)) - timedelta(weeks=WINDOW_WEEKS)
    store = CostStore(database)
    findings: list[Finding] = []
    inspected = 0
    for project in ProjectStore(database).page():
        stored = store.days(project.id, min(requested), max(requested), source)
        inspected += sum(day.pulled_us is not None and day.day in requested for day in stored)
        growing = {day.day for day in stored if not day.is_final}
        for (cost_source, currency), costs in store.series(project.id, first.isoformat(), max(requested)).items():
            for day in sorted(requested) if cost_source == source else ():
                verdict = cost_anomaly(costs, date.fromisoformat(day), estimated=day in growing)
                if verdict.is_anomaly:
                    findings.append({"project": project.id, "day": day, "finding": _describe(verdict, currency)})
    return Inspection(inspected, findings)


def explain_unused(source: CostSource, database: Database, settings: Settings) -> str | None:
    """Explain why a source has no costs in this installation; None if it is in use."""
    if source == "aws":
        return None if settings.aws.costs else "AWS costs are off: set ML_GUARD_AWS_COSTS=true to read them"
    return None if is_any_usage(database) else "No project has called a language model yet"


def _count(days: Iterable[tuple[str, str]], day: str) -> int:
    return sum(of_project == day for _, of_project in days)


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
