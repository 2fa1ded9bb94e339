"""The spending step of a transaction: all its reservations and settlements at once, a statement or two for each table.

The step holds one lock until the commit, so that what is read here stays true.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

from guard_store.ledger.append import Statements
from guard_store.ledger.step import AppendEntry
from guard_store.spending import budget_alerts as telling
from guard_store.spending.amounts import PERIODS, Measure, Period, Scope, span_of
from guard_store.spending.requests import Hold, Refusal, Reservation, ReserveCall, Reserved, SettleCall
from guard_store.writer.sessions import Session
from guard_store.writer.work import Work

_LOCK_KEY = 0x7370656E64  # "spend" in ASCII
_NAMED_AT_ONCE = 400
_json = msgspec.json.Encoder().encode

_SPAN_COLUMNS = ("budget_id", "span", "spent", "reserved", "warned")
_SPAN_CONFLICT = """ON CONFLICT (budget_id, span) DO UPDATE SET
    spent = budget_spans.spent + excluded.spent, reserved = budget_spans.reserved + excluded.reserved,
    warned = budget_spans.warned OR excluded.warned"""
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
    """How a budget stands in a span, and how it stood before, as far as that was asked for."""

    spent: int = 0
    reserved: int = 0
    warned: bool = False
    before: tuple[int, int] = (0, 0)

    def stood(self, spent: int, reserved: int, *, warned: bool) -> None:
        self.spent += spent
        self.reserved += reserved
        self.warned |= warned
        self.before = (spent, reserved)

    @property
    def added(self) -> tuple[int, int, bool]:
        return self.spent - self.before[0], self.reserved - self.before[1], self.warned


_Spans = dict[tuple[str, str], _Span]
"""By budget and span."""


class SpendingStep:
    """Reserves and settles calls; between the rows and the ledger."""

    def apply(self, session: Session, works: Sequence[Work]) -> Sequence[Work]:
        """Answer the reservations, book the settlements; return the entries of calls whose process died."""
        reserving = [work for work in works if isinstance(work, ReserveCall)]
        settling = [work for work in works if isinstance(work, SettleCall)]
        if not reserving and not settling:
            return ()
        answers, standing = spend(session, [work.reservation for work in reserving], settling)
        for work, answer in zip(reserving, answers, strict=True):
            work.reserved = answer
        return [AppendEntry(settlement.entry) for settlement in standing if settlement.entry is not None]


def spend(
    statements: Statements, reservations: Sequence[Reservation], settlements: Sequence[SettleCall]
) -> tuple[list[Reserved], list[SettleCall]]:
    """Take reservations and settle calls.

    Returns
    -------
    The answer to each reservation, and the settlements whose reservation still stood.
    """
    if not statements.is_sqlite:  # SQLite's only writer needs no other lock
        statements.run("SELECT pg_advisory_xact_lock(?)", (_LOCK_KEY,))
    standing = _forget(statements, settlements)
    spans: _Spans = defaultdict(_Span)
    for settlement in standing:
        _settle(spans, settlement)
    budgets = _budgets(statements, reservations, spans)
    answers = [_reserve(statements, spans, _applying(budgets, one), one) for one in reservations]
    added = [(key, spans[key].added) for key in sorted(spans)]
    rows = [(*key, *more) for key, more in added if any(more)]
    statements.upsert("budget_spans", _SPAN_COLUMNS, rows, _SPAN_CONFLICT)
    kept = [(r, a.holds) for r, a in zip(reservations, answers, strict=True) if a.refusal is None]
    statements.upsert(
        "reservations", _RESERVATION_COLUMNS, [(r.id, r.expires_us, _json((r, h)).decode()) for r, h in kept], ""
    )
    statements.upsert("usage", _USAGE_COLUMNS, _usage_rows(standing), _USAGE_CONFLICT)
    return answers, standing


def _forget(statements: Statements, settlements: Sequence[SettleCall]) -> list[SettleCall]:
    """Take the reservations of calls away; what was swept as lost meanwhile is settled already."""
    found: set[str] = set()
    for ids in _pieces([settlement.reservation.id for settlement in settlements]):
        sql = f"DELETE FROM reservations WHERE id IN ({_marks(len(ids))}) RETURNING id"  # noqa: S608 - marks
        found.update(row[0] for row in statements.run(sql, ids))
    return [settlement for settlement in settlements if settlement.reservation.id in found]


def _budgets(statements: Statements, reservations: Sequence[Reservation], spans: _Spans) -> list[_Budget]:
    """The budgets of keys and projects, by id; how they stand on the days of the reservations goes into `spans`."""
    scopes = {("key", r.key_id) for r in reservations} | {("project", r.project_id) for r in reservations}
    named = sorted((scope, scope_id) for scope, scope_id in scopes if scope_id is not None)
    days = {day for r in reservations for day in (r.key_day, r.project_day)}
    names = sorted({span_of(period, day) for period in PERIODS for day in days})
    found: dict[str, _Budget] = {}
    for piece in _pieces(named):
        rows = statements.run(_budgets_sql(len(names), len(piece)), [*names, *chain.from_iterable(piece)])
        for *budget, span, spent, reserved, warned in rows:
            found[budget[0]] = _Budget(*budget)
            if span is not None:
                spans[budget[0], span].stood(spent, reserved, warned=bool(warned))
    return [found[budget_id] for budget_id in sorted(found)]


@lru_cache
def _budgets_sql(n_spans: int, n_scopes: int) -> str:
    # A span's name says which period it is of: a budget finds its own among those of all periods.
    scopes = ", ".join(["(?, ?)"] * n_scopes)
    return f"""
        SELECT id, scope, scope_id, measure, period, soft, hard, span, spent, reserved, warned
        FROM budgets LEFT JOIN budget_spans ON budget_id = id AND span IN ({_marks(n_spans)})
        WHERE (scope, scope_id) IN (VALUES {scopes})"""  # noqa: S608 - marks


def _applying(budgets: Iterable[_Budget], reservation: Reservation) -> list[tuple[_Budget, str]]:
    """The budgets of a call, each with the span of it that the call counts for."""
    found = []
    for budget in budgets:
        is_key = budget.scope == "key"
        if budget.scope_id == (reservation.key_id if is_key else reservation.project_id):
            day = reservation.key_day if is_key else reservation.project_day
            found.append((budget, span_of(budget.period, day)))
    return found


def _settle(spans: _Spans, settlement: SettleCall) -> None:
    for hold in settlement.holds:
        span = spans[hold.budget_id, hold.span]
        span.reserved -= hold.held
        span.spent += settlement.usage.of(hold.measure)


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


def _usage_rows(settlements: Iterable[SettleCall]) -> list[tuple[Any, ...]]:
    sums: defaultdict[tuple[str, ...], list[int]] = defaultdict(lambda: [0] * len(_USAGE_SUMS))
    for settlement in settlements:
        call, usage = settlement.reservation, settlement.usage
        key = (
            call.day.isoformat(),
            call.project_id or "",
            call.key_id or "",
            call.end_user or "",
            settlement.model,
        )
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
        row = sums[key]
        for place, value in enumerate(values):
            row[place] += value
    return [(*key, *values) for key, values in sorted(sums.items())]


def _pieces(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _NAMED_AT_ONCE):
        yield values[start : start + _NAMED_AT_ONCE]


def _marks(n: int) -> str:
    return ", ".join("?" * n)
