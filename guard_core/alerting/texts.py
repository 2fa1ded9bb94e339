"""Alerts in words: short, in plain text, for somebody who was asleep a minute ago. No I/O.

One message tells all that has become of an incident since the last one, for one route.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from guard_core.alerting.machine import NEWS, Alert, Change
from guard_core.alerting.policy import SEVERITIES, worst
from guard_core.alerting.words import end_of, name_of
from guard_core.days import from_microseconds, known_zone
from guard_core.units import SECOND_US

_ORDER: Final = {"opened": 0, "updated": 1, "noted": 2, "resolved": 3}
_HEADS: Final = {"opened": "New", "updated": "Changed", "noted": "Now"}
# Ends of other things than conditions, by the first part of their subject.
_ENDS: Final = {"retrain": "Retraining has ended.", "champion": "The champion has changed."}
_MOST_LINES = 8


@dataclass(frozen=True, slots=True)
class Message:
    """What one route is told."""

    title: str
    body: str
    state: str
    severity: str


def compose(changes: Sequence[Change], still_open: Sequence[Alert], *, timezone: str, public_url: str) -> Message:
    """The message about changes of one incident; `still_open` are the alerts of it that the route knows of."""
    first = changes[0].alert
    told = _without_repetition(sorted(changes, key=_place))
    state = _state(told, still_open)
    # How bad is what is new, not what people know already.
    news = [change for change in told if change.action != "resolved"]
    severity = worst([change.alert.severity for change in news or told])
    is_notice = state == "open" or all(_is_by_itself(change) for change in told)
    head = severity.upper() if is_notice else state.upper()
    named = list(dict.fromkeys(_title_part(change) for change in told))
    where = "/".join(part for part in (first.project_id or "all projects", first.model_id) if part)
    lines = [line for change in told for line in _paragraph(change, timezone)]
    others = [alert for alert in still_open if alert not in [change.alert for change in told]]
    lines += _still_open(others, timezone)
    lines += _links(told, public_url)
    return Message(f"[{head}] {where}: {', '.join(named)}", "\n".join(lines) + "\n", state, severity)


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
                "url": _data_of(change.alert, public_url),
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


def _is_news(change: Change) -> bool:
    """Whether an end is a piece of news, such as a new champion, and not only the end of what was wrong."""
    return change.action == "resolved" and change.fact.kind in NEWS and change.alert.subject == change.fact.about


def _is_by_itself(change: Change) -> bool:
    """Whether it is a piece of news that nothing had been open for: it resolves nothing."""
    return _is_news(change) and change.alert.opened_us == change.alert.resolved_us


def _title_part(change: Change) -> str:
    if change.action != "resolved" or _is_news(change) or change.fact.kind == "retrain_dismissed":
        return name_of(change.fact.kind)
    return end_of(change.alert.kind)


def _paragraph(change: Change, timezone: str) -> list[str]:
    alert, fact = change.alert, change.fact
    if change.action == "resolved" and alert.subject != fact.about:
        # What has ended it has a paragraph of its own.
        return [f"Ended with it: {name_of(alert.kind)}, open since {_since(alert, timezone)}."]
    more = [f"  {line}" for line in fact.details.get("lines", ())]
    if len(more) > _MOST_LINES:
        more = [*more[: _MOST_LINES - 1], f"  and {len(more) - _MOST_LINES + 1} more"]
    return [f"{_head(change, timezone)} {change.text}", *more]


def _head(change: Change, timezone: str) -> str:
    """What has become of it, how bad it is, since when."""
    alert = change.alert
    if change.action == "resolved":
        ended = f"Ended: {name_of(alert.kind)}, open since {_since(alert, timezone)}."
        return _ENDS.get(alert.subject.split("/")[0], ended)
    if change.action == "noted":
        return f"{_HEADS[change.action]}:"
    since = f", since {alert.since_day}" if alert.since_day else ""
    return f"{_HEADS[change.action]} ({alert.severity}{since}):"


def _still_open(alerts: Sequence[Alert], timezone: str) -> list[str]:
    worst_first = sorted(alerts, key=lambda alert: -SEVERITIES.index(alert.severity))
    lines = [f"  {name_of(alert.kind)} ({alert.severity}), since {_since(alert, timezone)}" for alert in worst_first]
    return ["", "Still open:", *lines] if lines else []


def _since(alert: Alert, timezone: str) -> str:
    if alert.since_day is not None:
        return alert.since_day
    local = from_microseconds(alert.opened_us // SECOND_US * SECOND_US).astimezone(known_zone(timezone))
    return f"{local:%Y-%m-%d %H:%M} {timezone}"


def _links(changes: Sequence[Change], public_url: str) -> list[str]:
    """Pages that people can open, then what the API says."""
    found = {"Alert": _data_of(changes[0].alert, public_url)}
    for change in changes:
        found |= {n: url for n, url in change.fact.details.get("links", {}).items() if n not in found}
    pages = {name: url for name, url in found.items() if not url.startswith(f"{public_url}/api/")}
    data = {name: url for name, url in found.items() if name not in pages}
    parts = (("See:", pages), ("Data (needs an API key):", data))
    return [line for head, urls in parts if urls for line in ("", head, *(f"  {n}: {url}" for n, url in urls.items()))]


def _data_of(alert: Alert, public_url: str) -> str:
    return f"{public_url}/api/v1/alerts/{alert.id}"
