"""The spending step of a transaction: all its reservations and settlements at once, a statement or two for each table.

Whoever spends holds one lock until the commit, so that what is read here stays true.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec

from guard_store.ledger import Statements
from guard_store.spending import telling
from guard_store.spending.amounts import Measure, Period, Scope, span_of
from guard_store.spending.requests import Hold, Refusal, Reservation, Reserved, Settlement

_LOCK_KEY = 0x7370656E64  # "spend" in ASCII
_NAMED_AT_ONCE = 400
_json = msgspec.json.Encoder().encode

_SPAN_COLUMNS = ("budget_id", "span", "spent", "reserved", "warned")
_SPAN_CONFLICT = """ON CONFLICT (budget_id, span) DO UPDATE SET
    spent = excluded.spent, reserved = excluded.reserved, warned = excluded.warned"""
_RESERVATION_COLUMNS = ("id", "expires_us", "body")
_USAGE_KEY = ("day", "project_id", "key_id", "end_user", "model")
_USAGE_SUMS = (
    "requests",
    "tokens_in",
    "tokens_cached",
    "tokens_out",
    "tokens_reasoning",
    "cost_nano_usd",
    "unpriced",
    "estimated",
)
_USAGE_COLUMNS = (*_USAGE_KEY, *_USAGE_SUMS)
_USAGE_CONFLICT = f"ON CONFLICT ({', '.join(_USAGE_KEY)}) DO UPDATE SET " + ", ".join(
    f"{name} = usage.{name} + excluded.{name}" for name in _USAGE_SUMS
)


@dataclass(slots=True)
class _Budget:
    id: str
    scope: Scope
    scope_id: str
    measure: Measure
    period: Period
    soft: int | None
    hard: int | None


@dataclass(slots=True)
class _Span:
    spent: int = 0
    reserved: int = 0
    warned: bool = False


_Spans = dict[tuple[str, str], _Span]
"""By budget and span, in key order."""


def spend(
    statements: Statements, reservations: Sequence[Reservation], settlements: Sequence[Settlement]
) -> tuple[list[Reserved], list[Settlement]]:
    """Take reservations and settle calls.

    Returns
    -------
    The answer to each reservation, and the settlements whose reservation still stood.
    """
    if not statements.is_sqlite:  # SQLite's only writer needs no other lock
        statements.run("SELECT pg_advisory_xact_lock(?)", (_LOCK_KEY,))
    standing = _forget(statements, settlements)
    budgets = _budgets(statements, reservations)
    applying = [_applying(budgets, reservation) for reservation in reservations]
    touched = {(hold.budget_id, hold.span) for settlement in standing for hold in settlement.holds}
    touched.update((budget.id, span) for pairs in applying for budget, span in pairs)
    spans = _spans(statements, sorted(touched))
    for settlement in standing:
        _settle(spans, settlement)
    answers = [_reserve(statements, spans, *one) for one in zip(applying, reservations, strict=True)]
    rows = [(*key, span.spent, span.reserved, span.warned) for key, span in spans.items()]
    statements.upsert("budget_spans", _SPAN_COLUMNS, rows, _SPAN_CONFLICT)
    kept = [(r, a.holds) for r, a in zip(reservations, answers, strict=True) if a.refusal is None]
    statements.upsert(
        "reservations", _RESERVATION_COLUMNS, [(r.id, r.expires_us, _json((r, h)).decode()) for r, h in kept], ""
    )
    statements.upsert("usage", _USAGE_COLUMNS, _usage_rows(standing), _USAGE_CONFLICT)
    return answers, standing


def _forget(statements: Statements, settlements: Sequence[Settlement]) -> list[Settlement]:
    """Take the reservations of calls away; what was swept as lost meanwhile is settled already."""
    found: set[str] = set()
    for ids in _pieces([settlement.reservation.id for settlement in settlements]):
        sql = f"DELETE FROM reservations WHERE id IN ({_marks(len(ids))}) RETURNING id"  # noqa: S608 - marks
        found.update(row[0] for row in statements.run(sql, ids))
    return [settlement for settlement in settlements if settlement.reservation.id in found]


def _budgets(statements: Statements, reservations: Sequence[Reservation]) -> list[_Budget]:
    scopes = {("key", r.key_id) for r in reservations} | {("project", r.project_id) for r in reservations}
    named = sorted((scope, scope_id) for scope, scope_id in scopes if scope_id is not None)
    found = []
    for piece in _pieces(named):
        asked = f"(scope, scope_id) IN (VALUES {_pairs(len(piece))})"
        sql = f"SELECT id, scope, scope_id, measure, period, soft, hard FROM budgets WHERE {asked}"  # noqa: S608 - marks
        found += [_Budget(*row) for row in statements.run(sql, list(chain.from_iterable(piece)))]
    return sorted(found, key=lambda budget: budget.id)


def _applying(budgets: Iterable[_Budget], reservation: Reservation) -> list[tuple[_Budget, str]]:
    """The budgets of a call, each with the span of it that the call counts for."""
    found = []
    for budget in budgets:
        is_key = budget.scope == "key"
        if budget.scope_id == (reservation.key_id if is_key else reservation.project_id):
            day = reservation.key_day if is_key else reservation.project_day
            found.append((budget, span_of(budget.period, day)))
    return found


def _spans(statements: Statements, keys: Sequence[tuple[str, str]]) -> _Spans:
    spans: _Spans = {key: _Span() for key in keys}
    for piece in _pieces(keys):
        asked = f"(budget_id, span) IN (VALUES {_pairs(len(piece))})"
        sql = f"SELECT budget_id, span, spent, reserved, warned FROM budget_spans WHERE {asked}"  # noqa: S608 - marks
        for budget_id, span, spent, reserved, warned in statements.run(sql, list(chain.from_iterable(piece))):
            spans[budget_id, span] = _Span(spent, reserved, bool(warned))
    return spans


def _settle(spans: _Spans, settlement: Settlement) -> None:
    for hold in settlement.holds:
        span = spans[hold.budget_id, hold.span]
        span.reserved -= hold.held
        span.spent += settlement.took.of(hold.measure)


def _reserve(
    statements: Statements, spans: _Spans, applying: Iterable[tuple[_Budget, str]], reservation: Reservation
) -> Reserved:
    wanted = [(budget, name, spans[budget.id, name], reservation.most.of(budget.measure)) for budget, name in applying]
    for budget, name, span, amount in wanted:
        unpriced = budget.measure == "cost_usd" and reservation.most.cost_nano_usd is None
        if budget.hard is not None and (unpriced or span.spent + span.reserved + amount > budget.hard):
            refusal = Refusal(
                budget.id,
                budget.scope,
                budget.scope_id,
                budget.measure,
                budget.period,
                name,
                budget.hard,
                span.spent,
                span.reserved,
                None if unpriced else amount,
            )
            telling.refused(statements, budget, reservation, name)
            return Reserved(refusal=refusal)
    holds, soft = [], []
    for budget, name, span, amount in wanted:
        span.reserved += amount
        holds.append(Hold(budget.id, name, budget.measure, amount))
        if budget.soft is not None and span.spent + span.reserved > budget.soft:
            soft.append(budget.id)
            if not span.warned:
                span.warned = True
                telling.soft_passed(statements, budget, reservation, name)
    return Reserved(tuple(holds), tuple(soft))


def _usage_rows(settlements: Iterable[Settlement]) -> list[tuple[Any, ...]]:
    sums: defaultdict[tuple[str, ...], list[int]] = defaultdict(lambda: [0] * len(_USAGE_SUMS))
    for settlement in settlements:
        call, took = settlement.reservation, settlement.took
        key = (
            call.day.isoformat(),
            call.project_id or "",
            call.key_id or "",
            call.end_user or "",
            settlement.model,
        )
        values = (
            1,
            took.tokens_in,
            took.tokens_cached,
            took.tokens_out,
            took.tokens_reasoning,
            took.cost_nano_usd or 0,
            took.cost_nano_usd is None,
            took.estimated,
        )
        row = sums[key]
        for place, value in enumerate(values):
            row[place] += value
    return [(*key, *values) for key, values in sorted(sums.items())]


def _pieces(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _NAMED_AT_ONCE):
        yield values[start : start + _NAMED_AT_ONCE]


def _marks(n: int) -> str:
    return ", ".join("?" * n)


def _pairs(n: int) -> str:
    return ", ".join(["(?, ?)"] * n)
