"""Days of costs are replaced as a whole, exactly, and a failed pull takes nothing away."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal

from guard_store.costs.rows import CostDay, CostLine
from guard_store.costs.store import CostStore
from guard_store.db.database import Database

DAY = "2026-03-09"


def line(service: str, amount: str, currency: str = "USD") -> CostLine:
    return CostLine(service, "p", currency, Decimal(amount), Decimal(amount) / 2)


def day_of(*lines: CostLine, day: str = DAY, estimated: bool = False) -> CostDay:
    return CostDay("p", day, "aws", "ok", None, "utc_day", estimated, 1, lines)


def test_amounts_come_back_to_the_last_digit(database: Database) -> None:
    store = CostStore(database)
    kept = day_of(line("EC2", "12345678901.000000000000001"), line("S3", "-0.0000000004"), line("S3", "7", "CNY"))
    store.replace([kept])
    (found,) = store.days("p", DAY, DAY)
    assert set(found.lines) == set(kept.lines)
    assert replace(found, lines=()) == replace(kept, lines=())
    assert found.totals() == {"CNY": Decimal(7), "USD": Decimal("12345678900.999999999600001")}


def test_a_day_is_replaced_as_a_whole_and_no_other_one_is(database: Database) -> None:
    store = CostStore(database)
    other = day_of(line("S3", "3"), day="2026-03-10")
    store.replace([day_of(line("EC2", "1"), line("S3", "2")), other])
    store.replace([day_of(line("S3", "5"))])
    found = store.days("p", "2026-01-01", "2026-12-31")
    assert [day.totals() for day in found] == [{"USD": Decimal(5)}, {"USD": Decimal(3)}]
    assert store.days("other", "2026-01-01", "2026-12-31") == []


def test_a_failed_pull_keeps_figures_and_says_why_they_are_old(database: Database) -> None:
    store = CostStore(database)
    store.replace([day_of(line("S3", "5"), estimated=True)])
    store.fail("p", "aws", [DAY, "2026-03-10"], "no credentials", "utc_day")
    kept, missing = store.days("p", DAY, "2026-03-10")
    assert (kept.state, kept.reason, kept.totals(), kept.is_final) == (
        "ok", "no credentials", {"USD": Decimal(5)}, False,
    )  # fmt: skip
    assert (missing.state, missing.reason, missing.pulled_us, missing.lines) == (
        "unavailable", "no credentials", None, (),
    )  # fmt: skip
    store.replace([day_of(day="2026-03-10")])
    assert [day.is_final for day in store.days("p", "2026-03-10", "2026-03-10")] == [True]


def test_a_series_has_a_zero_for_days_without_a_line_and_nothing_for_unknown_days(database: Database) -> None:
    store = CostStore(database)
    store.replace([day_of(line("S3", "5")), day_of(day="2026-03-10"), day_of(line("S3", "1", "CNY"), day="2026-03-12")])
    store.fail("p", "aws", ["2026-03-11"], "no credentials", "utc_day")
    series = store.series("p", DAY, "2026-03-12")
    known = [date(2026, 3, 9), date(2026, 3, 10), date(2026, 3, 12)]
    assert series == {
        ("aws", "USD"): dict(zip(known, (Decimal(5), Decimal(0), Decimal(0)), strict=True)),
        ("aws", "CNY"): dict(zip(known, (Decimal(0), Decimal(0), Decimal(1)), strict=True)),
    }
    assert store.pulled_days("p", DAY, "2026-03-12", after=DAY, limit=2) == ["2026-03-10", "2026-03-11"]


def test_two_pulls_of_a_day_at_once_leave_one_of_them_whole(database: Database) -> None:
    store = CostStore(database)
    days = [f"2026-03-{n:02}" for n in range(1, 6)]

    def pull(number: int) -> None:
        order = days if number % 2 else days[::-1]
        store.replace([day_of(line("EC2", str(number)), line("S3", str(number)), day=day) for day in order])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(pull, range(1, 33)))
    found = store.days("p", days[0], days[-1])
    assert len(found) == len(days)
    assert {len(day.lines) for day in found} == {2}
    assert len({line.unblended for day in found for line in day.lines}) == 1
