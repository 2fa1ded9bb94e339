"""Evaluate the alert policies on the newest measured day of each model, and write facts: what fires, what clears.

How a policy judges a day is in `evidence.py`; what becomes of a fact is in `guard_store.alerts`.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from guard_core.alerting import links
from guard_core.alerting.alert_state import Alert
from guard_core.alerting.facts import Op
from guard_core.alerting.policy import DAY_KINDS, Policy
from guard_core.alerting.words import counted
from guard_pipelines.alerts.evidence import Evidence
from guard_pipelines.days.loop import Outcome, Scope, isolate
from guard_store.alerts.facts import write_fact
from guard_store.alerts.policies import PolicyStore, digest_of
from guard_store.alerts.policy_evaluations import PolicyEvaluationStore, write_policy_evaluation
from guard_store.alerts.store import AlertStore
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from ml.alerting.conditions import ConditionResult, evaluate_days

_ASSETS: Mapping[str, str] = {"drift": "drift_reports", "performance": "performance"}  # else daily_aggregates


def evaluate_policies(scope: Scope, database: Database) -> Outcome:
    """Apply the policies to every model whose newest measured day or whose policies have changed."""
    outcome = Outcome()
    policies = {p.id: PolicyStore(database).in_force(p.id) for p in ProjectStore(database).page()}
    for evaluation in PolicyEvaluationStore(database).due({name: digest_of(of) for name, of in policies.items()}):
        # A failed model stays due: the next run tries it again.
        with isolate(outcome, {"project_id": evaluation.project_id, "model_id": evaluation.model_id}):
            item = DayStateStore(database).newest_measured(*evaluation.model)
            if item is None or (item.day, item.changes) != (evaluation.day, evaluation.changes):
                continue  # changed meanwhile: the next run evaluates it
            facts = _PolicyEvaluation(database, item, scope.run_id).evaluate(policies[evaluation.project_id])
            with database.write() as connection:
                for fact in facts:
                    write_fact(connection, **fact)
                write_policy_evaluation(connection, evaluation)
            outcome.done += 1
            fired = ", ".join(fact["kind"] for fact in facts if fact["op"] == "fires")
            outcome.add(item, fires=fired, ends=sum(fact["op"] == "clears" for fact in facts))
    return outcome


class _PolicyEvaluation:
    """The policies on the newest measured day of one model."""

    def __init__(self, database: Database, item: DayState, run_id: str) -> None:
        self._database = database
        self._item = item
        self._run_id = run_id

    def evaluate(self, policies: Sequence[Policy]) -> list[dict[str, Any]]:
        """Evaluate the policies and return the facts to write."""
        covering = [(policy, kind) for policy in policies for kind in policy.when if kind in DAY_KINDS]
        covering = [(policy, kind) for policy, kind in covering if policy.covers(kind, self._item.model_id)]
        open_alerts = {alert.subject: alert for alert in AlertStore(self._database).open_of(*self._item.key[:2])}
        evidence = Evidence(self._database, self._item, max((policy.of_days for policy, _ in covering), default=1))
        facts = []
        for policy, kind in covering:
            subject = f"policy/{policy.name}/{kind}"
            held = evaluate_days(evidence.judge_days(kind, policy.limit(kind)), policy.days, policy.of_days)
            if held is not None and held.finding is not None:
                facts.append(self._fire(policy, kind, subject, held, evidence))
            elif held is not None and subject in open_alerts:
                message = f"It held {_on_days(held)}, {policy.days} would be too many."
                message = message if policy.of_days > 1 else f"{held.day} is in order."
                details = {"policy": policy.name, "links": self._links(kind, held.day)}
                facts.append(self._build_fact(kind, "clears", subject, held.day, message, details))
        return facts + list(
            self._clear_without_policy(open_alerts, {f"policy/{p.name}/{kind}" for p, kind in covering})
        )

    def _fire(
        self, policy: Policy, kind: str, subject: str, held: ConditionResult, evidence: Evidence
    ) -> dict[str, Any]:
        assert held.finding is not None  # noqa: S101 - the caller checks it
        newest = _on_days(held) if policy.of_days > 1 else f"on {held.day}"
        lines, figure = list(held.finding.lines), held.finding.figure
        baseline = evidence.baseline
        if kind in _ASSETS and baseline is not None:
            days = f"{baseline.start_day} to {baseline.end_day}"
            lines.append(f"compared with baseline {baseline.version}, the days {days}")
        return self._build_fact(
            kind,
            "fires",
            subject,
            held.day,
            f"{held.finding.text}, {newest}.",
            {
                "policy": policy.name,
                "value": held.finding.value,
                "since_day": held.since_day,
                "lines": lines,
                "run_id": self._run_id,
                "links": self._links(kind, held.day) | links.of_run(self._run_id),
                **({} if figure is None else evidence.trend(kind, figure).as_details()),
            },
        )

    def _clear_without_policy(self, open_alerts: Mapping[str, Alert], subjects: set[str]) -> Iterator[dict[str, Any]]:
        for subject, alert in open_alerts.items():
            if alert.kind in DAY_KINDS and subject.startswith("policy/") and subject not in subjects:
                yield self._build_fact(alert.kind, "clears", subject, None, "No policy covers it any more.", {})

    def _links(self, kind: str, day: str) -> dict[str, str]:
        model = f"/api/v1/projects/{self._item.project_id}/models/{self._item.model_id}"
        page = kind if kind in _ASSETS else "metrics"
        asset = _ASSETS.get(kind, "daily_aggregates")
        return {
            **links.of_model_day(self._item.project_id, self._item.model_id, day),
            **links.of_day(page.capitalize(), asset, day),
            page.capitalize(): f"{model}/{page}?start={day}&end={day}",
        }

    def _build_fact(
        self, kind: str, op: Op, subject: str, day: str | None, message: str, details: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            "project_id": self._item.project_id,
            "model_id": self._item.model_id,
            "kind": kind,
            "dedup_key": uuid.uuid4().hex,  # the evaluation is recorded in the same transaction
            "severity": "warning",
            "message": message,
            "details": details,
            "request_id": self._item.request_id,
            "op": op,
            "subject": subject,
            "day": day,
        }


def write_pipeline_fact(connection: Connection, project_id: str, model_id: str | None, op: Op, **fields: Any) -> None:
    """Write a fact; its policy decides the severity."""
    write_fact(connection, project_id, model_id, op=op, severity="error", request_id=None, **fields)


def _on_days(held: ConditionResult) -> str:
    """Describe on how many of the judged days the condition held."""
    return f"on {held.held_days} of the last {counted(held.judged_days, 'judged day')}"
