"""Facts about exceeded budgets, written in the transaction that spends: each once per span.

Folding facts into alerts is `guard_store.alerts`.
"""

import uuid
from typing import Protocol

import msgspec

from guard_core.days import now_us
from guard_core.units import NANO
from guard_store.ledger.append import Statements
from guard_store.spending.amounts import Measure, Scope
from guard_store.spending.works import Reservation

_json = msgspec.json.Encoder().encode
_COLUMNS = (
    "id",
    "project_id",
    "kind",
    "dedup_key",
    "severity",
    "message",
    "details",
    "request_id",
    "created_us",
)


class LimitedBudget(Protocol):
    """The attributes of a budget that its facts mention."""

    id: str
    scope: Scope
    scope_id: str
    measure: Measure
    soft: int | None
    hard: int | None


def write_soft_limit_fact(statements: Statements, budget: LimitedBudget, reservation: Reservation, span: str) -> None:
    """Write that the soft limit of a budget was exceeded."""
    limit = budget.soft or 0
    message = (
        f"The soft budget of {_owner(statements, budget)} is passed, {_format_limit(budget, limit)} for {_format_span(span)};"
        " calls still go through."
    )
    _write_fact(statements, budget, reservation, span, "budget", message, {"soft": limit})


def write_refusal_fact(statements: Statements, budget: LimitedBudget, reservation: Reservation, span: str) -> None:
    """Write that a call was refused because of the hard limit of a budget."""
    limit = budget.hard or 0
    message = (
        f"Calls are refused: the hard budget of {_owner(statements, budget)} has no room for them,"
        f" {_format_limit(budget, limit)} for {_format_span(span)}."
    )
    _write_fact(statements, budget, reservation, span, "budget_refused", message, {"hard": limit})


def _write_fact(
    statements: Statements,
    budget: LimitedBudget,
    reservation: Reservation,
    span: str,
    kind: str,
    message: str,
    limit: dict[str, int],
) -> None:
    project_id = budget.scope_id if budget.scope == "project" else reservation.project_id
    if project_id is None:  # a key for all projects: no project would show the alert; answers and metrics have it
        return
    links = {"Budgets": f"/api/v1/budgets?project_id={project_id}"}
    details = {"budget_id": budget.id, "span": span, "measure": budget.measure, "links": links, **limit}
    row = (
        uuid.uuid4().hex,
        project_id,
        kind,
        f"{kind}:{budget.id}:{span}",
        "warning" if kind == "budget" else "error",
        message,
        _json(details).decode(),
        reservation.request_id,
        now_us(),
    )
    statements.upsert("alert_events", _COLUMNS, [row], "ON CONFLICT DO NOTHING")


def _owner(statements: Statements, budget: LimitedBudget) -> str:
    """Return the project of a budget, or its key by name; by id if the key was deleted."""
    sql = "SELECT name FROM api_keys WHERE id = ?"
    names = statements.run(sql, [budget.scope_id]) if budget.scope == "key" else []
    return f"{budget.scope} {names[0][0] if names else budget.scope_id}"


def _format_limit(budget: LimitedBudget, limit: int) -> str:
    return f"{limit / NANO:.2f} USD" if budget.measure == "cost_usd" else f"{limit} {budget.measure}"


def _format_span(span: str) -> str:
    return "all time" if span == "total" else span
