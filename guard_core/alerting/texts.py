"""Titles and bodies of alert messages: short plain text for a person on call who has just been woken. No I/O.

One message covers all changes of an incident since the previous message, for one route.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from guard_core import page_addresses
from guard_core.alerting.alert_state import KINDS_NOTIFIED_AT_THEIR_END, Alert, Change
from guard_core.alerting.policy import SEVERITIES, worst
from guard_core.alerting.words import describe_end, describe_kind
from guard_core.days import from_microseconds, known_zone
from guard_core.units import SECOND_US

_ACTION_ORDER: Final = {"opened": 0, "updated": 1, "noted": 2, "resolved": 3}
_HEADS: Final = {"opened": "New", "updated": "Changed", "noted": "Now"}
# Headings of ends that are not ends of a condition, by the first part of their subject.
_END_HEADS: Final = {"retrain": "Retraining has ended.", "champion": "The champion has changed."}
_MAX_LINES = 8


@dataclass(frozen=True, slots=True)
class Message:
    """A message for one route."""

    title: str
    body: str
    state: str
    severity: str


def compose(changes: Sequence[Change], still_open: Sequence[Alert], *, timezone: str, public_url: str) -> Message:
    """Compose the message about changes of one incident.

    Parameters
    ----------
    still_open : open alerts of the incident of which the route was notified.
    """
    first = changes[0].alert
    shown = _without_repetition(sorted(changes, key=_sort_key))
    state = _state(shown, still_open)
    # The severity of what is new; the reader knows the rest already.
    ongoing = [change for change in shown if change.action != "resolved"]
    severity = worst([change.alert.severity for change in ongoing or shown])
    is_notice = state == "open" or all(_resolves_nothing(change) for change in shown)
    head = severity.upper() if is_notice else state.upper()
    title_parts = list(dict.fromkeys(_title_part(change) for change in shown))
    scope = "/".join(part for part in (first.project_id or "all projects", first.model_id) if part)
    lines = [line for change in shown for line in _paragraph(change, timezone)]
    others = [alert for alert in still_open if alert not in [change.alert for change in shown]]
    lines += _still_open(others, timezone)
    lines += _links(shown, public_url)
    return Message(f"[{head}] {scope}: {', '.join(title_parts)}", "\n".join(lines) + "\n", state, severity)


def payload_of(changes: Sequence[Change], message: Message, public_url: str) -> dict[str, Any]:
    """Return the content of a message as JSON data, its changes in the order of the text: senders take the number of the first one."""
    alert = changes[0].alert
    return {
        "project_id": alert.project_id or None,
        "model_id": alert.model_id or None,
        "state": message.state,
        "severity": message.severity,
        "page": _page_url(alert, public_url),
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
                "url": _api_url(change.alert, public_url),
            }
            for change in sorted(changes, key=_sort_key)
        ],
    }


def _state(changes: Sequence[Change], still_open: Sequence[Alert]) -> str:
    if not still_open:
        return "resolved"
    return "open" if any(change.action == "opened" for change in changes) else "update"


def _sort_key(change: Change) -> tuple[object, ...]:
    """Order changes: beginnings before ends, a cause before what it resolved, the most severe first."""
    alert = change.alert
    by_other = alert.subject != change.fact.about
    return (
        _ACTION_ORDER[change.action],
        by_other,
        -SEVERITIES.index(alert.severity),
        alert.opened_us,
        change.fact.created_us,
    )


def _without_repetition(changes: Sequence[Change]) -> list[Change]:
    """Drop duplicates from two policies with the same finding, and beginnings of alerts that have ended meanwhile."""
    resolved_ids = {change.alert.id for change in changes if change.action == "resolved"}
    unique: dict[tuple[str, str, str], Change] = {}
    for change in changes:
        if change.action == "resolved" or change.alert.id not in resolved_ids:
            unique.setdefault((change.action, change.alert.kind, change.text), change)
    return list(unique.values())


def _is_notable_end(change: Change) -> bool:
    """Whether an end is an event by itself, such as a new champion, and not only the end of a condition."""
    return (
        change.action == "resolved"
        and change.fact.kind in KINDS_NOTIFIED_AT_THEIR_END
        and change.alert.subject == change.fact.about
    )


def _resolves_nothing(change: Change) -> bool:
    """Whether a notable end resolved no open alert."""
    return _is_notable_end(change) and change.alert.opened_us == change.alert.resolved_us


def _title_part(change: Change) -> str:
    if change.action != "resolved" or _is_notable_end(change) or change.fact.kind == "retrain_dismissed":
        return describe_kind(change.fact.kind)
    return describe_end(change.alert.kind)


def _paragraph(change: Change, timezone: str) -> list[str]:
    alert, fact = change.alert, change.fact
    if change.action == "resolved" and alert.subject != fact.about:
        # The fact that ended it has its own paragraph.
        return [f"Ended with it: {describe_kind(alert.kind)}, open since {_since(alert, timezone)}."]
    details = [f"  {line}" for line in fact.details.get("lines", ())]
    if len(details) > _MAX_LINES:
        details = [*details[: _MAX_LINES - 1], f"  and {len(details) - _MAX_LINES + 1} more"]
    return [f"{_head(change, timezone)} {change.text}", *details]


def _head(change: Change, timezone: str) -> str:
    """Return the start of a paragraph: action, severity, and first day."""
    alert = change.alert
    if change.action == "resolved":
        default = f"Ended: {describe_kind(alert.kind)}, open since {_since(alert, timezone)}."
        return _END_HEADS.get(alert.subject.split("/")[0], default)
    if change.action == "noted":
        return f"{_HEADS[change.action]}:"
    since = f", since {alert.since_day}" if alert.since_day else ""
    return f"{_HEADS[change.action]} ({alert.severity}{since}):"


def _still_open(alerts: Sequence[Alert], timezone: str) -> list[str]:
    worst_first = sorted(alerts, key=lambda alert: -SEVERITIES.index(alert.severity))
    lines = [
        f"  {describe_kind(alert.kind)} ({alert.severity}), since {_since(alert, timezone)}" for alert in worst_first
    ]
    return ["", "Still open:", *lines] if lines else []


def _since(alert: Alert, timezone: str) -> str:
    if alert.since_day is not None:
        return alert.since_day
    local = from_microseconds(alert.opened_us // SECOND_US * SECOND_US).astimezone(known_zone(timezone))
    return f"{local:%Y-%m-%d %H:%M} {timezone}"


def _links(changes: Sequence[Change], public_url: str) -> list[str]:
    """Return the lines with links: our page of the incident, other pages for people, then routes of the API."""
    links = {"Incident": _page_url(changes[0].alert, public_url), "Alert": _api_url(changes[0].alert, public_url)}
    for change in changes:
        links |= {n: url for n, url in change.fact.details.get("links", {}).items() if n not in links}
    routes = {name: url for name, url in links.items() if url.startswith(f"{public_url}/api/")}
    pages = {name: url for name, url in links.items() if name not in routes}
    own_first = sorted(pages.items(), key=lambda page: not page[1].startswith(f"{public_url}/"))
    pages = dict(own_first)
    parts = (("See:", pages), ("Data (needs an API key):", routes))
    return [line for head, urls in parts if urls for line in ("", head, *(f"  {n}: {url}" for n, url in urls.items()))]


def _page_url(alert: Alert, public_url: str) -> str:
    return f"{public_url}{page_addresses.incident(alert.incident_id)}"


def _api_url(alert: Alert, public_url: str) -> str:
    return f"{public_url}/api/v1/alerts/{alert.id}"
