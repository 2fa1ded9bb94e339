"""The state machine of a model's alerts: what a fact changes, and which routes are notified. No I/O.

Reading and storing alerts is `guard_store.alerts.fold`; composing messages is `texts`.
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
_WORSE_FACTOR = 1.1  # an alert is notified again if its value exceeds the last notified value by this factor
# Kinds whose `clears` facts are worth a message even if no alert was open.
KINDS_NOTIFIED_AT_THEIR_END: Final = ("retrain_promoted", "retrain_rejected", "retrain_rolled_back")


@dataclass(slots=True)
class Alert:
    """An alert as it is stored; the attributes are the columns of `alerts`.

    Attributes
    ----------
    told_value, told_us : value and time of the last notification.
    routes : routes that were notified.
    """

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
    """A change of an alert.

    Attributes
    ----------
    due_us : earliest time of the notification, by route; routes that are not notified are left out.
    """

    alert: Alert
    action: Action
    text: str
    fact: Fact
    due_us: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the machine needs to know of one project at one instant: policies, time zone and configured routes."""

    policies: Sequence[Policy]
    timezone: str
    routes: Sequence[str]
    at_us: int

    def of(self, kind: str, model_id: str, name: str | None) -> list[Policy]:
        """Return the policies that apply to a fact: the one that it names, or all that cover its kind."""
        return [p for p in self.policies if p.covers(kind, model_id) and name in (None, p.name)]

    def due(self, policies: Sequence[Policy], severity: Severity) -> dict[str, int]:
        """Return the earliest time at which each route may be notified; muted policies do not count."""
        due_by_route: dict[str, int] = {}
        for policy in policies:
            if not policy.is_muted(self.at_us):
                due = due_us(policy.quiet_hours, severity, self.timezone, self.at_us)
                for route in self.routes if policy.routes is None else policy.routes:
                    due_by_route[route] = min(due, due_by_route.get(route, due))
        return due_by_route

    def day_of(self, at_us: int) -> date:
        """Return the local day of an instant."""
        return local_days(self.timezone).of(at_us)


class Machine:
    """The open alerts of one model (or of one project as a whole), while facts are applied to them.

    Attributes
    ----------
    open : open alerts by subject.
    touched : alerts to be stored, by id.
    changes : changes of alerts, in their order.
    """

    def __init__(self, alerts: Sequence[Alert], rules: Rules) -> None:
        self.open = {alert.subject: alert for alert in alerts}
        self.changes: list[Change] = []
        self.touched: dict[str, Alert] = {}
        self._rules = rules

    def apply(self, fact: Fact) -> None:
        """Apply a fact: open, update or resolve alerts."""
        policies = self._rules.of(fact.kind, fact.model_id or "", fact.details.get("policy"))
        if fact.op == "clears":
            self._clear(fact, policies)
        elif policies:
            self._fire(fact, policies, is_note=fact.op == "notes")

    def _fire(self, fact: Fact, policies: Sequence[Policy], *, is_note: bool) -> None:
        severity = worst([policy.severity for policy in policies])
        alert = self.open.get(fact.about)
        if alert is None:
            alert = self._new_alert(fact, severity)
            self.open[alert.subject] = alert
            self._change(alert, "opened", fact, policies)
            return
        if _is_older(fact, alert):
            return
        self.touched[alert.id] = alert
        before = alert.kind, alert.severity, alert.summary
        more_severe = SEVERITIES.index(severity) > SEVERITIES.index(alert.severity)
        _refresh(alert, fact, severity if more_severe or not is_note else alert.severity, self._rules.at_us)
        if is_note:
            self._change(alert, "noted", fact, policies)
        elif fact.kind != before[0] or more_severe or self._is_worse(alert):
            self._change(alert, "updated", fact, policies)
        elif alert.summary != before[2]:
            self.changes.append(Change(alert, "updated", fact.message, fact))

    def _is_worse(self, alert: Alert) -> bool:
        """Whether to notify again: clearly worse than last notified, not acknowledged, not yet notified today."""
        if alert.acknowledged_us is not None or alert.value is None or alert.told_value is None:
            return False
        notified_today = alert.told_us is not None and self._rules.day_of(alert.told_us) == self._rules.day_of(
            self._rules.at_us
        )
        return alert.value > alert.told_value * _WORSE_FACTOR and not notified_today

    def _clear(self, fact: Fact, policies: Sequence[Policy]) -> None:
        kinds = fact.details.get("clears", ())
        resolved = [
            alert
            for alert in self.open.values()
            if (alert.subject == fact.about or alert.kind in kinds) and not _is_older(fact, alert)
        ]
        policies_of_end = policies if fact.kind in KINDS_NOTIFIED_AT_THEIR_END else ()
        if not resolved and policies_of_end:
            resolved = [self._new_alert(fact, worst([policy.severity for policy in policies_of_end]))]
        for alert in resolved:
            self._resolve(alert, fact, policies_of_end if alert.subject == fact.about else ())

    def _resolve(self, alert: Alert, fact: Fact, policies: Sequence[Policy]) -> None:
        alert.state, alert.resolved_us, alert.changed_us = "resolved", self._rules.at_us, self._rules.at_us
        self.open.pop(alert.subject, None)
        policies_of_alert = self._rules.of(alert.kind, alert.model_id, alert.details.get("policy"))
        # The notice of the end goes to every route that was notified of the start, even if the policies have changed since.
        due = dict.fromkeys(alert.routes, self._rules.at_us)
        muted = bool(policies_of_alert) and all(policy.is_muted(self._rules.at_us) for policy in policies_of_alert)
        due |= {r: at for r, at in self._rules.due(policies_of_alert, alert.severity).items() if r in alert.routes}
        due |= {r: at for r, at in self._rules.due(policies, alert.severity).items() if r not in due}
        self._record(Change(alert, "resolved", fact.message, fact, {} if muted else due))

    def _new_alert(self, fact: Fact, severity: Severity) -> Alert:
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
        self._record(Change(alert, action, fact.message, fact, due))

    def _record(self, change: Change) -> None:
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
    """Whether a fact is about an earlier day than the alert: a recomputed earlier day must not change it."""
    return fact.day is not None and alert.day is not None and fact.day < alert.day
