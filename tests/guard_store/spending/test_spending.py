"""Budgets: what is reserved is held, what is settled is counted once, and callers at once cannot overspend."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy import func, select

from guard_core.units import NANO
from guard_store.alerts.facts import FactStore
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.ingest.rows import StoreEvents, StoreLabels
from guard_store.ledger.checkpoints import Signer
from guard_store.ledger.entry import Entry
from guard_store.ledger.step import AppendEntry
from guard_store.ledger.store import LedgerFilter, LedgerStore
from guard_store.projects.store import ProjectStore
from guard_store.spending.amounts import Amount
from guard_store.spending.budgets import BudgetStore
from guard_store.spending.latencies import percentile_ms
from guard_store.spending.step import spend
from guard_store.spending.tables import budget_spans
from guard_store.spending.usage import UsageStore
from guard_store.spending.works import Reservation, ReserveCall, Reserved, SettleCall, settle_lost_call
from guard_store.steps import writer_steps
from guard_store.writer.sessions import Session, open_session
from guard_store.writer.writer import GroupWriter

DAY = date(2026, 3, 9)


class Spender:
    """Reserves and settles through a writer."""

    def __init__(self, database: Database) -> None:
        self.writer = GroupWriter(database, writer_steps(close_delay_s=300), queue_rows=10_000)
        self.writer.start()

    def reserve(self, most: Amount | None = None, **changed: Any) -> tuple[Reservation, Reserved]:
        fields: dict[str, Any] = {"key_id": "k", "project_id": "p", "key_day": DAY, "project_day": DAY, **changed}
        call = Reservation(
            id=uuid.uuid4().hex,
            route="/v1/chat/completions",
            request_id="r",
            role="analyst",
            end_user=None,
            model="m",
            most=most or Amount(tokens_in=10, tokens_out=90, cost_nano_usd=NANO),
            day=fields["project_day"],
            made_us=0,
            expires_us=fields.pop("expires_us", 1_000),
            **fields,
        )
        work = ReserveCall(call)
        self.writer.store(work)
        assert work.reserved is not None
        return call, work.reserved

    def settle(self, call: Reservation, reserved: Reserved, took: Amount, *, latency_ms: float | None = None) -> None:
        self.writer.store(SettleCall(call, reserved.holds, took, "m", latency_ms=latency_ms))


@pytest.fixture
def spender(database: Database) -> Iterator[Spender]:
    ProjectStore(database).create("p", "P", "UTC")
    spender = Spender(database)
    yield spender
    spender.writer.stop()


@pytest.fixture
def budgets(database: Database) -> BudgetStore:
    return BudgetStore(database)


def held_on(budgets: BudgetStore, day: date) -> list[tuple[str, str, int]]:
    return [(of.budget.scope, of.span, of.reserved) for of in budgets.statuses(budgets.of(), lambda _: day)]


def standing(budgets: BudgetStore) -> tuple[int, int]:
    (found,) = budgets.statuses(budgets.of(), lambda _: DAY)
    return found.spent, found.reserved


@pytest.mark.parametrize(
    ("measure", "hard", "held", "spent"),
    [("cost_usd", 3 * NANO, NANO, 500), ("tokens", 300, 100, 12), ("requests", 3, 1, 1)],
)
def test_a_reservation_is_held_until_it_is_settled(
    spender: Spender, budgets: BudgetStore, measure: Any, hard: int, held: int, spent: int
) -> None:
    budgets.put("key", "k", measure, "day", soft=None, hard=hard)
    call, reserved = spender.reserve()
    assert standing(budgets) == (0, held)
    spender.settle(call, reserved, Amount(tokens_in=10, tokens_out=2, cost_nano_usd=500))
    assert standing(budgets) == (spent, 0)


def test_a_budget_keeps_the_amount_of_its_newest_refused_call(spender: Spender, budgets: BudgetStore) -> None:
    def refused_amount(day: date = DAY) -> int | None:
        (status,) = budgets.statuses(budgets.of(), lambda _: day)
        return status.refused

    budgets.put("project", "p", "tokens", "day", soft=None, hard=50)
    assert refused_amount() is None
    spender.reserve(Amount(tokens_in=10, tokens_out=90))
    assert refused_amount() == 100
    call, reserved = spender.reserve(Amount(tokens_in=10, tokens_out=20))
    spender.settle(call, reserved, Amount(tokens_in=10, tokens_out=5))
    assert refused_amount() == 100, "a call that fits leaves it"
    spender.reserve(Amount(tokens_in=10, tokens_out=30))
    assert refused_amount() == 40
    assert refused_amount(date(2026, 3, 10)) is None, "each span has its own"


def test_a_call_that_does_not_fit_is_refused_and_holds_nothing(spender: Spender, budgets: BudgetStore) -> None:
    budgets.put("project", "p", "tokens", "month", soft=None, hard=250)
    assert spender.reserve()[1].refusal is None
    assert spender.reserve()[1].refusal is None
    refusal = spender.reserve()[1].refusal
    assert refusal is not None
    assert (refusal.span, refusal.reserved, refusal.wanted, refusal.hard) == ("2026-03", 200, 100, 250)
    assert standing(budgets) == (0, 200)


def test_a_budget_of_one_key_is_nobody_elses(spender: Spender, budgets: BudgetStore) -> None:
    budgets.put("key", "k", "requests", "day", soft=None, hard=1)
    assert spender.reserve()[1].refusal is None
    assert spender.reserve()[1].refusal is not None
    assert spender.reserve(key_id="another")[1].refusal is None
    assert spender.reserve(key_day=date(2026, 3, 10))[1].refusal is None


def test_where_one_budget_refuses_no_other_is_charged(spender: Spender, budgets: BudgetStore) -> None:
    budgets.put("key", "k", "requests", "day", soft=None, hard=10)
    budgets.put("project", "p", "tokens", "day", soft=None, hard=1)
    assert spender.reserve()[1].refusal is not None
    assert {s.reserved for s in budgets.statuses(budgets.of(), lambda _: DAY)} == {0}


def test_callers_at_once_cannot_overspend(database: Database, spender: Spender, budgets: BudgetStore) -> None:
    budgets.put("key", "k", "requests", "total", soft=None, hard=25)
    others = [spender, Spender(database), Spender(database)]
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda n: others[n % 3].reserve()[1].refusal is None, range(90)))
    for other in others[1:]:
        other.writer.stop()
    assert sum(answers) == 25
    assert standing(budgets) == (0, 25)


def test_what_is_settled_makes_room_for_what_is_reserved_in_the_same_transaction(
    database: Database, spender: Spender, budgets: BudgetStore
) -> None:
    budgets.put("project", "p", "tokens", "month", soft=None, hard=150)
    first, reserved = spender.reserve()
    assert spender.reserve()[1].refusal is not None  # 100 are held
    second = replace(first, id=uuid.uuid4().hex)
    settlement = SettleCall(first, reserved.holds, Amount(tokens_in=10, tokens_out=30), "m")
    session = open_session(database)
    session.begin()
    answers, standing_calls = spend(session, [second], [settlement])
    session.commit()
    session.close()
    assert [answer.refusal for answer in answers] == [None]
    assert standing_calls == [settlement]
    assert standing(budgets) == (40, 100)


def test_a_key_and_its_project_count_on_their_own_local_days(spender: Spender, budgets: BudgetStore) -> None:
    other = date(2026, 3, 10)
    budgets.put("key", "k", "requests", "day", soft=None, hard=5)
    budgets.put("project", "p", "requests", "day", soft=None, hard=5)
    budgets.put("project", "p", "requests", "total", soft=None, hard=2)
    spender.reserve(key_day=other)
    spender.reserve(key_day=DAY, project_day=other)
    refusal = spender.reserve()[1].refusal
    assert refusal is not None
    assert (refusal.period, refusal.reserved) == ("total", 2)
    assert held_on(budgets, DAY) == [("key", "2026-03-09", 1), ("project", "2026-03-09", 1), ("project", "total", 2)]
    assert held_on(budgets, other) == [("key", "2026-03-10", 1), ("project", "2026-03-10", 1), ("project", "total", 2)]


def test_passing_a_soft_budget_is_told_once_a_span(database: Database, spender: Spender, budgets: BudgetStore) -> None:
    budgets.put("project", "p", "cost_usd", "day", soft=NANO, hard=None)
    told = [bool(spender.reserve()[1].soft) for _ in range(3)]
    assert told == [False, True, True]
    (alert,) = FactStore(database).newest("p", 10)
    assert (alert.kind, alert.details["span"]) == ("budget", "2026-03-09")
    assert "1.00 USD" in alert.message


def test_a_hard_budget_that_refuses_is_told_once_a_span(
    database: Database, spender: Spender, budgets: BudgetStore
) -> None:
    budgets.put("project", "p", "requests", "day", soft=None, hard=1)
    refused = [spender.reserve()[1].refusal is not None for _ in range(3)]
    assert refused == [False, True, True]
    (fact,) = FactStore(database).newest("p", 10)
    assert (fact.kind, fact.details["hard"], fact.severity) == ("budget_refused", 1, "error")
    assert fact.message.startswith("Calls are refused: the hard budget of project p has no room for them, 1 requests")


def test_the_fact_of_a_budget_of_a_key_names_the_key(
    database: Database, spender: Spender, budgets: BudgetStore
) -> None:
    key, _ = KeyStore(database).create("nightly report", "analyst")
    budgets.put("key", key.id, "requests", "day", soft=None, hard=0)
    assert spender.reserve(key_id=key.id)[1].refusal is not None
    (fact,) = FactStore(database).newest("p", 10)
    assert "the hard budget of key nightly report has no room" in fact.message


def test_usage_sums_what_was_settled(database: Database, spender: Spender) -> None:
    for cost in (100, None):
        took = Amount(
            tokens_in=10, tokens_cached=4, tokens_out=5, tokens_reasoning=1, cost_nano_usd=cost, estimated=not cost
        )
        spender.settle(*spender.reserve(), took)
    store = UsageStore(database)
    (row,) = store.read(["day", "project_id", "key_id", "model"], first=DAY, last=DAY, limit=10)
    assert (row.day, row.project_id, row.key_id, row.end_user, row.model) == ("2026-03-09", "p", "k", None, "m")
    assert (row.requests, row.tokens_in, row.tokens_cached, row.tokens_out, row.tokens_reasoning) == (2, 20, 8, 10, 2)
    assert (row.cost_nano_usd, row.unpriced, row.estimated) == (100, 1, 1)
    assert store.read([], first=date(2026, 3, 10), last=date(2026, 3, 11), limit=10) == []


def test_percentiles_of_latencies_are_near_the_exact_ones(database: Database, spender: Spender) -> None:
    latencies_ms = [1.05**step for step in range(1, 200, 3)]
    for latency_ms in (*latencies_ms, None):
        spender.settle(*spender.reserve(), Amount(), latency_ms=latency_ms)
    calls = UsageStore(database).read_latencies(["model"], first=DAY, last=DAY)
    assert calls["m",].total() == len(latencies_ms)
    for share in (0.05, 0.5, 0.95):
        exact = np.quantile(latencies_ms, share, method="inverted_cdf")
        assert percentile_ms(calls["m",], share) == pytest.approx(exact, rel=0.19)
    assert percentile_ms(calls["other",], 0.5) is None


def test_a_call_whose_process_died_is_charged_in_full_once_and_on_the_ledger(
    database: Database, spender: Spender, budgets: BudgetStore
) -> None:
    budgets.put("key", "k", "tokens", "day", soft=None, hard=1_000)
    spender.reserve(expires_us=500)
    spender.reserve(expires_us=2_000)
    found = budgets.expired(1_000)
    assert len(found) == 1
    for _ in range(2):  # another process sweeps at the same time
        for call, holds in found:
            spender.writer.store(settle_lost_call(call, holds))
    assert standing(budgets) == (100, 100)
    (row,) = LedgerStore(database, Signer(b"k" * 32)).page(LedgerFilter(), None, 10)
    said = msgspec.structs.asdict(row)
    assert (said["status"], said["tokens_out"], said["tokens_estimated"]) == (499, 90, True)


def test_a_budget_is_changed_in_place_and_removed_with_its_counts(budgets: BudgetStore) -> None:
    first = budgets.put("key", "k", "tokens", "day", soft=None, hard=5)
    second = budgets.put("key", "k", "tokens", "day", soft=1, hard=9)
    assert (second.id, second.hard, second.soft) == (first.id, 9, 1)
    assert budgets.of(key_ids=["other"]) == []
    assert budgets.remove(first.id)
    assert not budgets.remove(first.id)


def test_a_call_that_outlives_its_budget_leaves_no_amounts_of_it(
    database: Database, spender: Spender, budgets: BudgetStore
) -> None:
    removed = budgets.put("key", "k", "tokens", "day", soft=None, hard=500)
    budgets.put("project", "p", "requests", "day", soft=None, hard=3)
    call, reserved = spender.reserve()
    budgets.remove(removed.id)
    spender.settle(call, reserved, Amount(tokens_in=10, tokens_out=2))
    assert standing(budgets) == (1, 0)
    with database.read() as connection:
        assert connection.execute(select(budget_spans.c.budget_id).where(budget_spans.c.reserved < 0)).all() == []
        assert connection.scalar(select(func.count()).select_from(budget_spans)) == 1


def test_only_what_does_nothing_but_reserve_may_be_lost_with_the_machine(database: Database) -> None:
    def flushing(session: Session) -> object:
        return session.run("PRAGMA synchronous" if database.is_sqlite else "SHOW synchronous_commit")[0][0]

    session = open_session(database)
    always = 2 if database.is_sqlite else "on"
    session.begin(flushed=False)
    assert flushing(session) == (1 if database.is_sqlite else "on")
    session.commit()
    session.begin()
    assert flushing(session) == always
    session.commit()
    session.begin(flushed=False)
    session.commit()
    session.prepare()
    assert flushing(session) == always
    session.close()
    call = Reservation(
        *("i", "/query", "r", "k", "analyst", "p", None, "m", Amount()), day=DAY, key_day=DAY, project_day=DAY,
        made_us=0, expires_us=1,
    )  # fmt: skip
    assert not ReserveCall(call).needs_flush
    settled = SettleCall(call, (), Amount(), "m")
    entry = Entry(at_us=0, route="/query", method="POST", status=200)
    assert all(work.needs_flush for work in (settled, AppendEntry(entry), StoreEvents((), 0), StoreLabels((), 0)))
