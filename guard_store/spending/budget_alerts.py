"""What people want to know of budgets, as facts in the transaction that spends: each once a span."""

import uuid
from typing import Protocol

import msgspec

from guard_core.days import now_us
from guard_core.units import NANO
from guard_store.ledger.append import Statements
from guard_store.spending.amounts import Measure, Scope
from guard_store.spending.requests import Reservation

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


class Limited(Protocol):
    """A budget, as far as it is told about."""

    id: str
    scope: Scope
    scope_id: str
    measure: Measure
    soft: int | None
    hard: int | None


def soft_passed(statements: Statements, budget: Limited, reservation: Reservation, span: str) -> None:
    """The soft limit is passed."""
    limit = budget.soft or 0
    whose = f"{budget.scope} {budget.scope_id}"
    message = (
        f"The soft budget of {whose} is passed, {_shown(budget, limit)} for {_named(span)}; calls still go through."
    )
    _tell(statements, budget, reservation, span, "budget", message, {"soft": limit})


def refused(statements: Statements, budget: Limited, reservation: Reservation, span: str) -> None:
    """The hard limit refuses calls."""
    limit = budget.hard or 0
    whose = f"the hard budget of {budget.scope} {budget.scope_id}"
    message = f"Calls are refused: {whose} has no room for them, {_shown(budget, limit)} for {_named(span)}."
    _tell(statements, budget, reservation, span, "budget_refused", message, {"hard": limit})


def _tell(
    statements: Statements,
    budget: Limited,
    reservation: Reservation,
    span: str,
    kind: str,
    message: str,
    limit: dict[str, int],
) -> None:
    project_id = budget.scope_id if budget.scope == "project" else reservation.project_id
    if project_id is None:  # a key of all projects: nobody's page would show it; the answer and the metrics say it
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


def _shown(budget: Limited, limit: int) -> str:
    return f"{limit / NANO:.2f} USD" if budget.measure == "cost_usd" else f"{limit} {budget.measure}"


def _named(span: str) -> str:
    return "all time" if span == "total" else span
