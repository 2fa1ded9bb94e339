"""The spending step of a transaction: all its reservations and settlements together, with one or two statements per table.

The step holds a lock until the commit, so that the budgets it reads cannot change meanwhile.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

from guard_store.ledger.append import Statements
from guard_store.ledger.step import AppendEntry
from guard_store.spending.amounts import PERIODS, Measure, Period, Scope, span_of
from guard_store.spending.budget_alerts import write_refusal_fact, write_soft_limit_fact
from guard_store.spending.latencies import bucket_of
from guard_store.spending.tables import USAGE_KEY, USAGE_SUMS
from guard_store.spending.works import Hold, Refusal, Reservation, ReserveCall, Reserved, SettleCall
from guard_store.writer.sessions import Session
from guard_store.writer.work import Work

_LOCK_KEY = 0x7370656E64  # "spend" in ASCII
_MAX_PARAMETERS = 400
_json = msgspec.json.Encoder().encode

_SPAN_COLUMNS = ("budget_id", "span", "spent", "reserved", "warned", "refused")
_SPAN_CONFLICT = """ON CONFLICT (budget_id, span) DO UPDATE SET
    spent = budget_spans.spent + excluded.spent, reserved = budget_spans.reserved + excluded.reserved,
    warned = budget_spans.warned OR excluded.warned, refused = COALESCE(excluded.refused, budget_spans.refused)"""
_RESERVATION_COLUMNS = ("id", "expires_us", "body")
_USAGE_COLUMNS = (*USAGE_KEY, *USAGE_SUMS)
_USAGE_CONFLICT = f"ON CONFLICT ({', '.join(USAGE_KEY)}) DO UPDATE SET " + ", ".join(
    f"{name} = usage.{name} + excluded.{name}" for name in USAGE_SUMS
)
_LATENCY_COLUMNS = (*USAGE_KEY, "bucket", "calls")
_LATENCY_CONFLICT = (
    f"ON CONFLICT ({', '.join(USAGE_KEY)}, bucket) DO UPDATE SET calls = usage_latencies.calls + excluded.calls"
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
    """Amounts of a budget in a span, and `before`, the stored ones; zero if they were not read.

    Attributes
    ----------
    refused : amount of the newest call that this transaction refuses; None if it refuses none.
    """

    spent: int = 0
    reserved: int = 0
    warned: bool = False
    refused: int | None = None
    before: tuple[int, int] = (0, 0)

    def load(self, spent: int, reserved: int, *, warned: bool) -> None:
        self.spent += spent
        self.reserved += reserved
        self.warned |= warned
        self.before = (spent, reserved)

    @property
    def increments(self) -> tuple[int, int, bool, int | None]:
        return self.spent - self.before[0], self.reserved - self.before[1], self.warned, self.refused


_Spans = dict[tuple[str, str], _Span]
"""Spans by budget id and name of the span."""


class SpendingStep:
    """Reserves and settles calls; runs after the rows are stored and before the ledger."""

    kinds = (ReserveCall, SettleCall)

    def apply(self, session: Session, works: Sequence[ReserveCall | SettleCall]) -> Sequence[Work]:
        """Reserve and settle the calls of a group; return the ledger entries of calls whose process died."""
        reserve_works = [work for work in works if isinstance(work, ReserveCall)]
        settlements = [work for work in works if isinstance(work, SettleCall)]
        results, settled = spend(session, [work.reservation for work in reserve_works], settlements)
        for work, result in zip(reserve_works, results, strict=True):
            work.reserved = result
        return [AppendEntry(settlement.entry) for settlement in settled if settlement.entry is not None]


def spend(
    statements: Statements, reservations: Sequence[Reservation], settlements: Sequence[SettleCall]
) -> tuple[list[Reserved], list[SettleCall]]:
    """Reserve and settle calls.

    Returns
    -------
    The result of each reservation, and the settlements whose reservation was still open.
    """
    if not statements.is_sqlite:  # SQLite's only writer needs no other lock
        statements.run("SELECT pg_advisory_xact_lock(?)", (_LOCK_KEY,))
    settled = _delete_reservations(statements, settlements)
    spans: _Spans = defaultdict(_Span)
    for settlement in settled:
        _settle(spans, settlement)
    _drop_removed_budgets(statements, spans)
    budgets = _read_budgets(statements, reservations, spans)
    results = [_reserve(statements, spans, _budgets_of(budgets, item), item) for item in reservations]
    increments = [(key, spans[key].increments) for key in sorted(spans)]
    rows = [(*key, *values) for key, values in increments if any(values)]
    statements.upsert("budget_spans", _SPAN_COLUMNS, rows, _SPAN_CONFLICT)
    accepted = [(r, result.holds) for r, result in zip(reservations, results, strict=True) if result.refusal is None]
    statements.upsert(
        "reservations", _RESERVATION_COLUMNS, [(r.id, r.expires_us, _json((r, h)).decode()) for r, h in accepted], ""
    )
    statements.upsert("usage", _USAGE_COLUMNS, _usage_rows(settled), _USAGE_CONFLICT)
    statements.upsert("usage_latencies", _LATENCY_COLUMNS, _latency_rows(settled), _LATENCY_CONFLICT)
    return results, settled


def _delete_reservations(statements: Statements, settlements: Sequence[SettleCall]) -> list[SettleCall]:
    """Delete the reservations of settled calls; return the settlements whose reservation was not swept as lost before."""
    deleted_ids: set[str] = set()
    for ids in _pieces([settlement.reservation.id for settlement in settlements]):
        sql = f"DELETE FROM reservations WHERE id IN ({_marks(len(ids))}) RETURNING id"  # noqa: S608 - marks
        deleted_ids.update(row[0] for row in statements.run(sql, ids))
    return [settlement for settlement in settlements if settlement.reservation.id in deleted_ids]


def _drop_removed_budgets(statements: Statements, spans: _Spans) -> None:
    """Drop the spans of budgets that were removed while a call was open: their amounts would never be read or deleted."""
    existing: set[str] = set()
    for ids in _pieces(sorted({budget_id for budget_id, _ in spans})):
        sql = f"SELECT id FROM budgets WHERE id IN ({_marks(len(ids))})"  # noqa: S608 - marks
        existing.update(row[0] for row in statements.run(sql, ids))
    for key in [key for key in spans if key[0] not in existing]:
        del spans[key]


def _read_budgets(statements: Statements, reservations: Sequence[Reservation], spans: _Spans) -> list[_Budget]:
    """Return the budgets of the reservations' keys and projects by id, and load their amounts into `spans`."""
    scopes = {("key", r.key_id) for r in reservations} | {("project", r.project_id) for r in reservations}
    owners = sorted((scope, scope_id) for scope, scope_id in scopes if scope_id is not None)
    days = {day for r in reservations for day in (r.key_day, r.project_day)}
    names = sorted({span_of(period, day) for period in PERIODS for day in days})
    by_id: dict[str, _Budget] = {}
    for piece in _pieces(owners):
        rows = statements.run(_budgets_sql(len(names), len(piece)), [*names, *chain.from_iterable(piece)])
        for *budget, span, spent, reserved, warned in rows:
            by_id[budget[0]] = _Budget(*budget)
            if span is not None:
                spans[budget[0], span].load(spent, reserved, warned=bool(warned))
    return [by_id[budget_id] for budget_id in sorted(by_id)]


@lru_cache
def _budgets_sql(n_spans: int, n_scopes: int) -> str:
    # The name of a span identifies its period, so a budget joins only its own span among those of all periods.
    scopes = ", ".join(["(?, ?)"] * n_scopes)
    return f"""
        SELECT id, scope, scope_id, measure, period, soft, hard, span, spent, reserved, warned
        FROM budgets LEFT JOIN budget_spans ON budget_id = id AND span IN ({_marks(n_spans)})
        WHERE (scope, scope_id) IN (VALUES {scopes})"""  # noqa: S608 - marks


def _budgets_of(budgets: Iterable[_Budget], reservation: Reservation) -> list[tuple[_Budget, str]]:
    """Return the budgets of a call, each with the span in which the call counts."""
    budgets_with_span = []
    for budget in budgets:
        is_key = budget.scope == "key"
        if budget.scope_id == (reservation.key_id if is_key else reservation.project_id):
            day = reservation.key_day if is_key else reservation.project_day
            budgets_with_span.append((budget, span_of(budget.period, day)))
    return budgets_with_span


def _settle(spans: _Spans, settlement: SettleCall) -> None:
    for hold in settlement.holds:
        span = spans[hold.budget_id, hold.span]
        span.reserved -= hold.held
        span.spent += settlement.usage.of(hold.measure)


def _reserve(
    statements: Statements, spans: _Spans, budgets: Iterable[tuple[_Budget, str]], reservation: Reservation
) -> Reserved:
    demands = [(budget, name, spans[budget.id, name], reservation.most.of(budget.measure)) for budget, name in budgets]
    for budget, name, span, amount in demands:
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
            if not unpriced:
                span.refused = amount
            write_refusal_fact(statements, budget, reservation, name)
            return Reserved(refusal=refusal)
    holds, soft = [], []
    for budget, name, span, amount in demands:
        span.reserved += amount
        holds.append(Hold(budget.id, name, budget.measure, amount))
        if budget.soft is not None and span.spent + span.reserved > budget.soft:
            soft.append(budget.id)
            if not span.warned:
                span.warned = True
                write_soft_limit_fact(statements, budget, reservation, name)
    return Reserved(tuple(holds), tuple(soft))


def _usage_rows(settlements: Iterable[SettleCall]) -> list[tuple[Any, ...]]:
    sums: defaultdict[tuple[str, ...], list[int]] = defaultdict(lambda: [0] * len(USAGE_SUMS))
    for settlement in settlements:
        usage = settlement.usage
        values = (
            1,
            usage.tokens_in,
            usage.tokens_cached,
            usage.tokens_out,
            usage.tokens_reasoning,
            usage.cost_nano_usd or 0,
            usage.cost_nano_usd is None,
            usage.estimated,
        )
        row = sums[_usage_key(settlement)]
        for place, value in enumerate(values):
            row[place] += value
    return [(*key, *values) for key, values in sorted(sums.items())]


def _latency_rows(settlements: Iterable[SettleCall]) -> list[tuple[Any, ...]]:
    calls = Counter(
        (*_usage_key(settlement), bucket_of(settlement.latency_ms))
        for settlement in settlements
        if settlement.latency_ms is not None
    )
    return [(*key, count) for key, count in sorted(calls.items())]


def _usage_key(settlement: SettleCall) -> tuple[str, ...]:
    call = settlement.reservation
    return call.day.isoformat(), call.project_id or "", call.key_id or "", call.end_user or "", settlement.model


def _pieces(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _MAX_PARAMETERS):
        yield values[start : start + _MAX_PARAMETERS]


def _marks(n: int) -> str:
    return ", ".join("?" * n)
