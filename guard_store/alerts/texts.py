"""Alerts in words: short, in plain text, for somebody who was asleep a minute ago. No I/O.

One message tells all that has become of an incident since the last one, for one route.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from guard_store.alerts.machine import NEWS, Alert, Change
from guard_store.alerts.policy import SEVERITIES, worst
from guard_store.local_days import from_microseconds, known_zone

_NAMES: Final[Mapping[str, str]] = {
    "drift": "drift",
    "performance": "performance",
    "latency": "latency",
    "volume": "volume",
    "error_rate": "rejected events",
    "data_quality": "data quality",
    "cost": "costs",
    "budget": "budget",
    "budget_refused": "budget spent",
    "retrain_recommended": "retraining recommended",
    "retrain_started": "retraining started",
    "retrain_promoted": "new champion",
    "retrain_rejected": "retraining brought nothing better",
    "retrain_rolled_back": "champion rolled back",
    "retrain_failed": "retraining failed",
    "pipeline_failure": "pipeline failure",
    "missing_data": "no events",
}
_ORDER: Final = {"opened": 0, "updated": 1, "noted": 2, "resolved": 3}
_WORDS: Final = {"opened": "New", "updated": "Changed", "noted": "Now", "resolved": "Ended"}
_MOST_LINES = 8
_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Message:
    """What one route is told."""

    title: str
    body: str
    state: str
    severity: str


def name_of(kind: str) -> str:
    """A kind in words."""
    return _NAMES.get(kind, kind)


def compose(changes: Sequence[Change], still_open: Sequence[Alert], *, timezone: str, public_url: str) -> Message:
    """The message about changes of one incident; `still_open` are the alerts of it that the route knows of."""
    first = changes[0].alert
    told = _without_repetition(sorted(changes, key=_place))
    state = _state(told, still_open)
    severity = worst([change.alert.severity for change in told] + [alert.severity for alert in still_open])
    head = severity.upper() if state == "open" else state.upper()
    named = list(dict.fromkeys(_title_part(change) for change in told))
    where = "/".join(part for part in (first.project_id or "all projects", first.model_id) if part)
    lines = [line for change in told for line in _paragraph(change, timezone)]
    others = [alert for alert in still_open if alert not in [change.alert for change in told]]
    if others:
        lines += ["", "Still open:", *(f"  {name_of(alert.kind)}, since {_since(alert, timezone)}" for alert in others)]
    lines += ["", *_links(told, public_url)]
    return Message(f"[{head}] {where}: {', '.join(named)}", "\n".join(lines).strip() + "\n", state, severity)


def payload_of(changes: Sequence[Change], message: Message, public_url: str) -> dict[str, Any]:
    """The same for machines."""
    alert = changes[0].alert
    return {
        "project_id": alert.project_id or None,
        "model_id": alert.model_id or None,
        "state": message.state,
        "severity": message.severity,
        "changes": [
            {
                "alert_id": change.alert.id,
                "action": change.action,
                "kind": change.fact.kind,
                "severity": change.alert.severity,
                "text": change.text,
                "day": change.fact.day,
                "since_day": change.alert.since_day,
                "details": dict(change.fact.details),
                "url": _page(change.alert, public_url),
            }
            for change in changes
        ],
    }


def _state(told: Sequence[Change], still_open: Sequence[Alert]) -> str:
    if not still_open:
        return "resolved"
    return "open" if any(change.action == "opened" for change in told) else "update"


def _place(change: Change) -> tuple[object, ...]:
    """What has begun before what has ended, a cause before what it ended, the worst first."""
    alert = change.alert
    by_other = alert.subject != change.fact.about
    return _ORDER[change.action], by_other, -SEVERITIES.index(alert.severity), alert.opened_us, change.fact.created_us


def _without_repetition(changes: Sequence[Change]) -> list[Change]:
    """Two policies that saw the same say it once; what has begun and ended meanwhile is told by its end."""
    ended = {change.alert.id for change in changes if change.action == "resolved"}
    found: dict[tuple[str, str, str], Change] = {}
    for change in changes:
        if change.action == "resolved" or change.alert.id not in ended:
            found.setdefault((change.action, change.alert.kind, change.text), change)
    return list(found.values())


def _title_part(change: Change) -> str:
    if change.action != "resolved":
        return name_of(change.fact.kind)
    if change.fact.kind in NEWS and change.alert.subject == change.fact.about:
        return name_of(change.fact.kind)
    return f"{name_of(change.alert.kind)} ended"


def _paragraph(change: Change, timezone: str) -> list[str]:
    if change.action == "resolved" and change.alert.subject != change.fact.about:
        # Ended by something else, which has a paragraph of its own.
        return [f"Ended: {name_of(change.alert.kind)}, open since {_since(change.alert, timezone)}."]
    more = [f"  {line}" for line in change.fact.details.get("lines", ())]
    if len(more) > _MOST_LINES:
        more = [*more[: _MOST_LINES - 1], f"  and {len(more) - _MOST_LINES + 1} more"]
    return [f"{_WORDS[change.action]}: {change.text}", *more]


def _since(alert: Alert, timezone: str) -> str:
    if alert.since_day is not None:
        return alert.since_day
    local = from_microseconds(alert.opened_us // _US * _US).astimezone(known_zone(timezone))
    return f"{local:%Y-%m-%d %H:%M} {timezone}"


def _links(changes: Sequence[Change], public_url: str) -> list[str]:
    found = {}
    for change in changes:
        found["Alert"] = _page(change.alert, public_url)
        for name, path in change.fact.details.get("links", {}).items():
            found.setdefault(name, path if "://" in path else public_url + path)
    return [f"{name}: {url}" for name, url in found.items()]


def _page(alert: Alert, public_url: str) -> str:
    return f"{public_url}/api/v1/alerts/{alert.id}"
