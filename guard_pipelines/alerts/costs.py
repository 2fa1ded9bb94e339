"""Evaluate the cost policies of a project on its newest day, and write facts: above a threshold, or unusual for its weeks."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from guard_core.alerting import links
from guard_core.alerting.alert_state import Alert
from guard_core.alerting.policy import Policy
from guard_pipelines.alerts.stage import write_pipeline_fact
from guard_store.alerts.facts import key_of
from guard_store.alerts.policies import PolicyStore
from guard_store.alerts.store import AlertStore
from guard_store.costs.store import CostStore
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from ml.costs.anomaly import cost_anomaly
from ml.costs.usual import WINDOW_WEEKS

_log = logging.getLogger(__name__)
_KIND = "cost"
_ANY_LATER_DAY = "9999-12-31"
_SOURCES: Mapping[str, str] = {"aws": "AWS", "llm": "Calls of language models"}


@dataclass(frozen=True, slots=True)
class _Bill:
    """Costs of one source in one currency, up to the evaluated day; `growing` if that day is not final."""

    source: str
    currency: str
    day: date
    costs: Mapping[date, Decimal]
    growing: bool


def evaluate_cost_policies(database: Database, run_id: str, days: Sequence[str]) -> tuple[Counter[str | None], int]:
    """Apply the policies to the newest day of each bill of a run; return the facts written by day and the projects that failed."""
    written, failed = Counter[str | None](), 0
    for project in ProjectStore(database).page():
        try:
            written += _evaluate_project(database, run_id, project.id, max(days))
        except Exception:  # noqa: BLE001 - logged, and evaluated again by the next run; stops no other project
            _log.exception("the cost policies of a project could not be evaluated", extra={"project_id": project.id})
            failed += 1
    return written, failed


def _evaluate_project(database: Database, run_id: str, project_id: str, last: str) -> Counter[str | None]:
    policies = [p for p in PolicyStore(database).in_force(project_id) if p.enabled and _KIND in p.when]
    open_alerts = {a.subject: a for a in AlertStore(database).open_of(project_id, "") if a.kind == _KIND}
    evaluated: set[str] = set()
    written = Counter[str | None]()
    for bill in _bills(CostStore(database), project_id, last) if policies else ():
        for policy in policies:
            subject = f"policy/{policy.name}/{_KIND}/{bill.source}/{bill.currency}"
            evaluated.add(subject)
            finding = _evaluate(policy, bill)
            if finding is not None:
                _write(database, run_id, (project_id, policy, subject), bill, finding)
            elif subject in open_alerts:
                _clear(database, project_id, open_alerts[subject], bill.day, f"{_cost(bill)}, which is in order.")
            written[bill.day.isoformat()] += finding is not None or subject in open_alerts
    names = {f"policy/{policy.name}/{_KIND}/" for policy in policies}
    for subject, alert in open_alerts.items():
        if subject not in evaluated and not any(subject.startswith(name) for name in names):
            _clear(database, project_id, alert, None, "No policy covers it any more.")
            written[None] += 1
    return written


def _bills(store: CostStore, project_id: str, last: str) -> Iterator[_Bill]:
    """Yield the bills whose newest day is not after the last day of the run: an old day decides nothing about newer ones."""
    first = (date.fromisoformat(last) - timedelta(weeks=WINDOW_WEEKS)).isoformat()
    growing = {(day.source, day.day) for day in store.days(project_id, first, last) if not day.is_final}
    for (source, currency), costs in store.series(project_id, first, _ANY_LATER_DAY).items():
        newest = max(costs)
        if newest.isoformat() > last:
            continue
        yield _Bill(source, currency, newest, costs, (source, newest.isoformat()) in growing)


def _evaluate(policy: Policy, bill: _Bill) -> str | None:
    """Describe what a policy finds on the day of a bill; None if nothing."""
    limit = policy.limit(_KIND)
    cost = float(bill.costs[bill.day])
    if limit is not None:
        return f"{_cost(bill)}, {limit:.2f} {bill.currency} are allowed" if cost > limit else None
    verdict = cost_anomaly(bill.costs, bill.day, estimated=bill.growing)
    if not verdict.is_anomaly or verdict.expected is None or verdict.allowed is None:
        return None
    usual = f"{verdict.expected:.2f} is usual for that weekday, give or take {verdict.allowed:.2f}"
    return f"{_cost(bill)}, unusually {'much' if verdict.state == 'high' else 'little'}: {usual}"


def _asset_page(bill: _Bill) -> dict[str, str]:
    return links.of_day("Costs", f"{bill.source}_costs", bill.day.isoformat())


def _cost(bill: _Bill) -> str:
    so_far = " so far" if bill.growing else ""
    return f"{_SOURCES[bill.source]}: {bill.costs[bill.day]:.2f} {bill.currency} on {bill.day}{so_far}"


def _write(database: Database, run_id: str, key: tuple[str, Policy, str], bill: _Bill, finding: str) -> None:
    project_id, policy, subject = key
    day = bill.day.isoformat()
    page = f"/api/v1/costs?project_id={project_id}&start={day}&end={day}"
    with database.write() as connection:
        write_pipeline_fact(
            connection,
            project_id,
            None,
            "fires",
            kind=_KIND,
            subject=subject,
            day=day,
            dedup_key=key_of(_KIND, project_id, subject, day, finding),
            message=f"{finding}.",
            details={
                "policy": policy.name,
                "value": float(bill.costs[bill.day]),
                "links": {**_asset_page(bill), **links.of_run(run_id), "Costs": page},
            },
        )


def _clear(database: Database, project_id: str, alert: Alert, day: date | None, message: str) -> None:
    with database.write() as connection:
        write_pipeline_fact(
            connection,
            project_id,
            None,
            "clears",
            kind=_KIND,
            subject=alert.subject,
            day=None if day is None else day.isoformat(),
            dedup_key=key_of(_KIND, "clears", alert.id, day),
            message=message,
            details={},
        )
