"""The state machine of a model's alerts: what a fact changes, and who is to be told. No I/O.

Alerts are read and stored in `fold.py`, worded in `texts.py`.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

from guard_core.alerting.facts import Fact
from guard_core.alerting.policy import SEVERITIES, Policy, Severity, worst
from guard_core.alerting.quiet_hours import due_us, span_end_us
from guard_core.days import local_days

Action = Literal["opened", "updated", "noted", "resolved"]
_WORSE = 1.1  # times what people have been told
# Ends that are news by themselves.
NEWS: Final = ("retrain_promoted", "retrain_rejected", "retrain_rolled_back")


@dataclass(slots=True)
class Alert:
    """An alert as it is stored; the attributes are the columns of `alerts`."""

    id: str
    incident_id: str
    project_id: str
    model_id: str
    subject: str
    kind: str
    severity: Severity
    state: str
    summary: str
    details: Mapping[str, Any]
    day: str | None
    since_day: str | None
    value: float | None
    told_value: float | None
    told_us: int | None
    routes: list[str]
    opened_us: int
    changed_us: int
    resolved_us: int | None = None
    acknowledged_us: int | None = None
    acknowledged_by: str | None = None
    acknowledged_reason: str | None = None
    muted_until_us: int | None = None
    expires_us: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What has become of an alert.

    Attributes
    ----------
    due_us : by route, when the message about it may go out; routes that are not told are left out.
    """

    alert: Alert
    action: Action
    text: str
    fact: Fact
    due_us: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides for one project at one instant: its policies, its clock, the routes that there are."""

    policies: Sequence[Policy]
    timezone: str
    routes: Sequence[str]
    at_us: int

    def of(self, kind: str, model_id: str, name: str | None) -> list[Policy]:
        """The policies that a fact concerns: the one that it names, or all that are about its kind."""
        return [p for p in self.policies if p.covers(kind, model_id) and name in (None, p.name)]

    def due(self, policies: Sequence[Policy], severity: Severity) -> dict[str, int]:
        """When each route may be told; nothing of those that all policies have muted."""
        found: dict[str, int] = {}
        for policy in policies:
            if not policy.is_muted(self.at_us):
                due = due_us(policy.quiet_hours, severity, self.timezone, self.at_us)
                for route in self.routes if policy.routes is None else policy.routes:
                    found[route] = min(due, found.get(route, due))
        return found

    def day_of(self, at_us: int) -> date:
        """The local day of an instant."""
        return local_days(self.timezone).of(at_us)


class Machine:
    """The open alerts of one model (or of one project as a whole), while facts are applied to them.

    Attributes
    ----------
    open : by subject. touched : what has to be stored, by id. changes : what has become of them.
    """

    def __init__(self, alerts: Sequence[Alert], rules: Rules) -> None:
        self.open = {alert.subject: alert for alert in alerts}
        self.changes: list[Change] = []
        self.touched: dict[str, Alert] = {}
        self._rules = rules

    def apply(self, fact: Fact) -> None:
        """Let a fact take effect."""
        policies = self._rules.of(fact.kind, fact.model_id or "", fact.details.get("policy"))
        if fact.op == "clears":
            self._clear(fact, policies)
        elif policies:
            self._fire(fact, policies, noted=fact.op == "notes")

    def _fire(self, fact: Fact, policies: Sequence[Policy], *, noted: bool) -> None:
        severity = worst([policy.severity for policy in policies])
        alert = self.open.get(fact.about)
        if alert is None:
            alert = self._opened(fact, severity)
            self.open[alert.subject] = alert
            self._change(alert, "opened", fact, policies)
            return
        if _is_older(fact, alert):
            return
        self.touched[alert.id] = alert
        before = alert.kind, alert.severity, alert.summary
        more_severe = SEVERITIES.index(severity) > SEVERITIES.index(alert.severity)
        _refresh(alert, fact, severity if more_severe or not noted else alert.severity, self._rules.at_us)
        if noted:
            self._change(alert, "noted", fact, policies)
        elif fact.kind != before[0] or more_severe or self._is_worse(alert):
            self._change(alert, "updated", fact, policies)
        elif alert.summary != before[2]:
            self.changes.append(Change(alert, "updated", fact.message, fact))

    def _is_worse(self, alert: Alert) -> bool:
        """Whether people want to hear of it again: worse than they know, not seen by anybody, not told today."""
        if alert.acknowledged_us is not None or alert.value is None or alert.told_value is None:
            return False
        told_today = alert.told_us is not None and self._rules.day_of(alert.told_us) == self._rules.day_of(
            self._rules.at_us
        )
        return alert.value > alert.told_value * _WORSE and not told_today

    def _clear(self, fact: Fact, policies: Sequence[Policy]) -> None:
        kinds = fact.details.get("clears", ())
        found = [
            alert
            for alert in self.open.values()
            if (alert.subject == fact.about or alert.kind in kinds) and not _is_older(fact, alert)
        ]
        news = policies if fact.kind in NEWS else ()
        if not found and news:
            found = [self._opened(fact, worst([policy.severity for policy in news]))]
        for alert in found:
            self._resolve(alert, fact, news if alert.subject == fact.about else ())

    def _resolve(self, alert: Alert, fact: Fact, policies: Sequence[Policy]) -> None:
        alert.state, alert.resolved_us, alert.changed_us = "resolved", self._rules.at_us, self._rules.at_us
        self.open.pop(alert.subject, None)
        known = self._rules.of(alert.kind, alert.model_id, alert.details.get("policy"))
        # Whoever was told that it began is told that it ended, whatever the policies say by now.
        due = dict.fromkeys(alert.routes, self._rules.at_us)
        muted = bool(known) and all(policy.is_muted(self._rules.at_us) for policy in known)
        due |= {r: at for r, at in self._rules.due(known, alert.severity).items() if r in alert.routes}
        due |= {r: at for r, at in self._rules.due(policies, alert.severity).items() if r not in due}
        self._tell(Change(alert, "resolved", fact.message, fact, {} if muted else due))

    def _opened(self, fact: Fact, severity: Severity) -> Alert:
        return Alert(
            id=uuid.uuid4().hex,
            incident_id="",
            project_id=fact.project_id,
            model_id=fact.model_id or "",
            subject=fact.about,
            kind=fact.kind,
            severity=severity,
            state="open",
            summary=fact.message,
            details=fact.details,
            day=fact.day,
            since_day=fact.details.get("since_day") or fact.day,
            value=fact.details.get("value"),
            told_value=None,
            told_us=None,
            routes=[],
            opened_us=self._rules.at_us,
            changed_us=self._rules.at_us,
            expires_us=span_end_us(fact.details.get("span"), self._rules.timezone),
        )

    def _change(self, alert: Alert, action: Action, fact: Fact, policies: Sequence[Policy]) -> None:
        due = self._rules.due(policies, alert.severity)
        self._tell(Change(alert, action, fact.message, fact, due))

    def _tell(self, change: Change) -> None:
        alert, at_us = change.alert, self._rules.at_us
        self.touched[alert.id] = alert
        if alert.muted_until_us is not None and at_us < alert.muted_until_us:
            change = Change(alert, change.action, change.text, change.fact)
        if change.due_us:
            alert.told_us, alert.told_value = at_us, alert.value
            alert.routes = sorted({*alert.routes, *change.due_us})
        self.changes.append(change)


def _refresh(alert: Alert, fact: Fact, severity: Severity, at_us: int) -> None:
    alert.kind = fact.kind
    alert.severity, alert.summary, alert.details = severity, fact.message, fact.details
    alert.day = fact.day or alert.day
    alert.value = fact.details.get("value", alert.value)
    alert.changed_us = at_us


def _is_older(fact: Fact, alert: Alert) -> bool:
    """Only the newest day that was judged decides; a recomputed one before it changes nothing."""
    return fact.day is not None and alert.day is not None and fact.day < alert.day
