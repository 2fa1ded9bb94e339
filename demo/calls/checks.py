"""Checks of what the calls of language models and the sample of AWS costs left behind: usage, ledger, findings, alerts, costs.

A check returns its complaints, and an empty list if it passes, as those of `checks`.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import httpx
from ml_guard import MLGuardClient

from demo.calls.language_model import BUSY, SMALL
from demo.calls.sample_costs import MARK
from demo.calls.sending import CARD, INJECTION_CALLS, PERSONAL_CALLS, REFUSED_CALLS, TOO_MANY, Calls, User

Json = dict[str, Any]

SAMPLE_DAYS = 31
_BUDGET_ALERTS = {"budget", "budget_refused"}
_EXPECTED_FLAGS = {"request.pii.credit_card": PERSONAL_CALLS, "request.injection": INJECTION_CALLS}
_MOST_ROWS = 1_000
_TIMEOUT_S, _POLL_S = 30.0, 0.5


def check_calls(admin: httpx.Client, client: MLGuardClient, project_id: str, calls: Calls) -> list[str]:
    """Check usage, ledger, findings and budget of each user, the tools, and the answers about the knowledge base."""
    caller, spender = calls.users
    rows = {user.name: _rows_of(admin, user) for user in calls.users}
    complaints = [
        complaint
        for user in calls.users
        for complaint in (*check_rows(user, rows[user.name]), *check_usage(user, _usage_of(admin, user)))
    ]
    complaints += check_findings(rows[caller.name], caller.repeated)
    complaints += check_fallback(rows[caller.name])
    if spender.statuses.count(TOO_MANY) != REFUSED_CALLS:
        complaints.append(f"the budget of {spender.name} refused {spender.statuses.count(TOO_MANY)} calls")
    return complaints + check_answers(calls) + _check_alerts(client, project_id)


def check_rows(user: User, rows: Sequence[Json]) -> list[str]:
    """Check that each call is a row of the ledger with its status."""
    sent, recorded = Counter(user.statuses), Counter(row["status"] for row in rows)
    return [] if sent == recorded else [f"calls of {user.name}: {dict(sent)} by status, {dict(recorded)} in the ledger"]


def check_usage(user: User, usage: Sequence[Json]) -> list[str]:
    """Check that the usage of a user counts each answered call, at a known price."""
    if len(usage) != 1 or usage[0]["end_user"] != user.name:
        return [f"usage of {user.name}: {len(usage)} rows instead of one"]
    (row,) = usage
    if row["requests"] != user.answered or row["unpriced"] or not row["cost_usd"]:
        counts = {name: row[name] for name in ("requests", "unpriced", "cost_usd")}
        return [f"usage of {user.name}: {counts}, but {user.answered} calls were answered"]
    return []


def check_findings(rows: Sequence[Json], repeated: Sequence[str]) -> list[str]:
    """Check that personal data and prompt injections are findings, and that the model has seen no card."""
    flags = Counter(flag for row in rows for flag in row["flags"])
    complaints = [
        f"findings of {flag}: {flags[flag]} instead of {expected}"
        for flag, expected in _EXPECTED_FLAGS.items()
        if flags[flag] != expected
    ]
    unredacted = sum(CARD in text or "[CREDIT_CARD_1]" not in text for text in repeated)
    return [*complaints, *([f"{unredacted} cards went out unredacted"] if unredacted else [])]


def check_fallback(rows: Sequence[Json]) -> list[str]:
    """Check that the call that the first address refused was answered by the second."""
    statuses = [row["status"] for row in rows if row["model"] == BUSY]
    return [] if statuses == [200] else [f"calls of {BUSY} in the ledger: {statuses} instead of one that was answered"]


def check_answers(calls: Calls) -> list[str]:
    """Check the decisions on tools, and that the answers about the knowledge base quote their sources."""
    complaints = [
        f"tool {tool}: {decision}"
        for tool, decision in calls.decisions.items()
        if (decision == "deny") != ("/cancel_" in tool)
    ]
    if calls.answer["model"] != SMALL or not calls.answer["citations"]:
        complaints.append(f"/query: {calls.answer['answer']!r} of {calls.answer['model']}, without a citation")
    if not calls.research["findings"]:
        complaints.append("/research: no findings")
    return complaints


def pull_sample_costs(client: MLGuardClient, project_id: str, today: date) -> list[str]:
    """Pull the sample of AWS costs of a month, and check that each day has costs that are marked as a sample."""
    start = today - timedelta(days=SAMPLE_DAYS - 1)
    pull = client.pull_costs(project_id, start=start, end=today)
    return check_sample(pull["days"])


def check_sample(days: Sequence[Mapping[str, Any]]) -> list[str]:
    """Check that each day has costs at AWS, all estimated and marked as a sample."""
    sources = [source for day in days for source in day["sources"] if source["source"] == "aws"]
    marked = [
        source
        for source in sources
        if source["estimated"]
        and source["services"]
        and all(item["service"].startswith(MARK) for item in source["services"])
    ]
    return [] if len(marked) == SAMPLE_DAYS else [f"sample costs: {len(marked)} days instead of {SAMPLE_DAYS}"]


def _rows_of(admin: httpx.Client, user: User) -> list[Json]:
    params: dict[str, Any] = {"key_id": user.key_id, "limit": _MOST_ROWS}
    items = admin.get("/api/v1/audit", params=params).raise_for_status().json()["items"]
    return [row for row in items if row["route"].startswith("/v1/")]


def _usage_of(admin: httpx.Client, user: User) -> list[Json]:
    params = {"group_by": "key_id,end_user", "key_id": user.key_id}
    items: list[Json] = admin.get("/api/v1/usage", params=params).raise_for_status().json()["items"]
    return items


def _check_alerts(client: MLGuardClient, project_id: str) -> list[str]:
    """Check that the budget has raised its alerts, which the server makes a moment after the calls."""
    deadline = time.monotonic() + _TIMEOUT_S
    while missing := _BUDGET_ALERTS - {alert["kind"] for alert in client.alerts(project_id=project_id)}:
        if time.monotonic() > deadline:
            return [f"no alert of the kinds {sorted(missing)}"]
        time.sleep(_POLL_S)
    return []
