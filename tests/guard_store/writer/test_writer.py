"""Events are stored once, counted once, and both in one transaction, whatever comes twice or fails in between."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text, update

from guard_core.days import microseconds
from guard_core.ids import new_event_ids
from guard_store.db.database import Database
from guard_store.ingest.rows import RowsOutcome
from guard_store.projects.tables import projects
from guard_store.writer.work import QueueFullError, RowsRefusedError, StoreUnavailableError
from guard_store.writer.writer import Commit, GroupWriter
from tests.support.event_rows import (
    PROJECT,
    make_project,
    new_writer,
    read_day_states,
    read_rejections,
    row,
    running,
    store_rows,
    stored_ids,
    submission,
    submit_rows,
)

KEY = (PROJECT, "delay", "2013-01-02")


@pytest.fixture
def writer(database: Database) -> Iterator[GroupWriter]:
    make_project(database)
    with running(database) as writer:
        yield writer


def test_an_event_sent_again_is_a_duplicate_and_stays_as_it_was(writer: GroupWriter, database: Database) -> None:
    assert store_rows(writer, submission(row("a", features='{"n":1}'))) == RowsOutcome(1, frozenset())
    assert store_rows(writer, submission(row("a", features='{"n":2}'), row("b"))) == RowsOutcome(1, frozenset({0}))
    assert stored_ids(database) == ["a", "b"]
    with database.read() as connection:
        kept = connection.execute(text("SELECT features FROM events WHERE event_id = 'a'")).scalar_one()
    assert kept == '{"n":1}'


def test_the_same_id_twice_in_one_request_is_stored_once(writer: GroupWriter, database: Database) -> None:
    assert store_rows(writer, submission(row("a"), row("b"), row("a"))) == RowsOutcome(2, frozenset({2}))
    assert stored_ids(database) == ["a", "b"]


def test_ids_are_unique_within_a_project_not_across_projects(writer: GroupWriter, database: Database) -> None:
    make_project(database, "other")
    assert store_rows(writer, submission(row("a"), row("a", project_id="other"))).accepted == 2


def test_day_states_count_events_and_duplicates_but_only_stored_events_are_a_revision(
    writer: GroupWriter, database: Database
) -> None:
    store_rows(writer, submission(row("a"), row("b"), request_id="first"))
    store_rows(writer, submission(row("a"), row("c"), request_id="second"))
    store_rows(writer, submission(row("a"), row("b"), row("c"), request_id="third"))
    found = read_day_states(database)[KEY]
    assert {name: found[name] for name in ("events", "late", "duplicates", "revision", "changes", "request_id")} == {
        "events": 3,
        "late": 0,
        "duplicates": 4,
        "revision": 2,
        "changes": 2,
        "request_id": "second",
    }


async def test_requests_that_share_a_transaction_get_their_own_outcomes(database: Database) -> None:
    make_project(database)
    commits: list[Commit] = []
    writer = new_writer(database, queue_rows=50_000, close_delay_s=300, on_commit=commits.append)
    futures = [submit_rows(writer, submission(row(name))) for name in ("a", "b", "a", "c", "b")]
    writer.start()
    outcomes = await asyncio.gather(*futures)
    await asyncio.to_thread(writer.stop)
    assert [len(outcome.duplicates) for outcome in outcomes] == [0, 0, 1, 0, 1]
    assert [(len(commit.works), commit.is_stored) for commit in commits] == [(5, True)]
    assert (read_day_states(database)[KEY]["revision"], read_day_states(database)[KEY]["events"]) == (1, 3)
    assert writer.queue_depth == 0


@pytest.mark.parametrize(("day", "hours"), [("2013-03-10", 23), ("2013-07-01", 24), ("2013-11-03", 25)])
def test_a_day_of_the_clock_change_has_the_events_of_all_its_hours(
    writer: GroupWriter, database: Database, day: str, hours: int
) -> None:
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
    instants = [start + timedelta(minutes=30 * n) for n in range(-4, 2 * hours + 4)]
    store_rows(writer, submission(*(row(f"e{n}", microseconds(instant)) for n, instant in enumerate(instants))))
    expected = Counter(instant.astimezone(ZoneInfo("America/New_York")).date().isoformat() for instant in instants)
    assert {key[2]: found["events"] for key, found in read_day_states(database).items()} == dict(expected)
    assert expected[day] == 2 * hours


def test_events_are_late_from_the_close_of_their_local_day_on(writer: GroupWriter, database: Database) -> None:
    closes_us = microseconds(datetime(2013, 1, 3, 5, 5, tzinfo=UTC))  # midnight in New York and 300 s
    store_rows(writer, submission(row("in time", received_us=closes_us - 1)))
    store_rows(writer, submission(row("late", received_us=closes_us), row("in time", received_us=closes_us)))
    found = read_day_states(database)[KEY]
    assert (found["events"], found["late"], found["duplicates"]) == (2, 1, 1)


def test_each_project_counts_in_its_own_zone(writer: GroupWriter, database: Database) -> None:
    zones = {"east": "Pacific/Kiritimati", "west": "Etc/GMT+12"}
    for project_id, zone in zones.items():
        make_project(database, project_id, zone)
    instant_us = microseconds(datetime(2013, 6, 15, 11, tzinfo=UTC))
    store_rows(writer, submission(*(row("a", instant_us, project_id=project_id) for project_id in zones)))
    assert {key[0]: key[2] for key in read_day_states(database)} == {"east": "2013-06-16", "west": "2013-06-14"}


def test_a_time_zone_that_has_just_changed_counts_at_once(writer: GroupWriter, database: Database) -> None:
    instant_us = microseconds(datetime(2013, 6, 15, 23, tzinfo=UTC))
    store_rows(writer, submission(row("a", instant_us)))
    with database.write() as connection:
        connection.execute(update(projects).values(timezone="Asia/Tokyo"))
    store_rows(writer, submission(row("b", instant_us)))
    assert sorted(key[2] for key in read_day_states(database)) == ["2013-06-15", "2013-06-16"]


def test_rejections_add_up_by_local_day_of_arrival(writer: GroupWriter, database: Database) -> None:
    arrival_us = microseconds(datetime(2013, 1, 3, 4, 59, tzinfo=UTC))  # still the second in New York
    for _ in range(2):
        store_rows(
            writer,
            submission(
                row("a", received_us=arrival_us),
                rejected={(PROJECT, "delay", "timestamp"): 2, (PROJECT, "", "model_id"): 1},
            ),
        )
    store_rows(writer, submission(rejected={(PROJECT, "delay", "timestamp"): 1}))
    assert read_rejections(database) == {
        (PROJECT, "delay", "2013-01-02", "timestamp"): 5,
        (PROJECT, "", "2013-01-02", "model_id"): 2,
    }


def test_two_writers_with_the_same_events_store_and_acknowledge_each_once(database: Database) -> None:
    make_project(database)
    names = [f"e{n:04d}" for n in range(1_500)]
    second = Database(database.url.render_as_string(hide_password=False))
    accepted: Counter[str] = Counter()
    lock = threading.Lock()

    def send(writer: GroupWriter, seed: int) -> None:
        order = random.Random(seed).sample(names, len(names))  # noqa: S311 - test data
        for start in range(0, len(order), 150):
            sent = order[start : start + 150]
            outcome = store_rows(writer, submission(*map(row, sent)))
            with lock:
                accepted.update(name for place, name in enumerate(sent) if place not in outcome.duplicates)

    with running(database) as one, running(second) as two, ThreadPoolExecutor() as threads:
        list(threads.map(send, (one, two, one, two), range(4)))
    second.close()
    assert stored_ids(database) == names
    assert accepted == Counter(names)
    found = read_day_states(database)[KEY]
    assert (found["events"], found["duplicates"]) == (1_500, 3 * 1_500)


async def test_a_full_queue_turns_away_and_the_rest_is_stored(database: Database) -> None:
    make_project(database)
    writer = new_writer(database, queue_rows=3, close_delay_s=300)
    futures = [submit_rows(writer, submission(row("a"), row("b"))), submit_rows(writer, submission(row("c")))]
    with pytest.raises(QueueFullError, match="3 rows wait for their commit, 3 may"):
        submit_rows(writer, submission(row("d")))
    writer.start()
    await asyncio.gather(*futures)
    assert writer.queue_depth == 0
    assert (await submit_rows(writer, submission(*map(row, "defgh")))).accepted == 5, "larger than the queue, but alone"
    await asyncio.to_thread(writer.stop)
    assert stored_ids(database) == list("abcdefgh")


async def test_stopping_stores_what_waits_and_takes_nothing_more(database: Database) -> None:
    make_project(database)
    writer = new_writer(database, queue_rows=50_000, close_delay_s=300, group_rows=2)
    futures = [submit_rows(writer, submission(row(f"e{n}"))) for n in range(9)]
    writer.start()
    await asyncio.to_thread(writer.stop)
    assert [(await future).accepted for future in futures] == [1] * 9
    with pytest.raises(StoreUnavailableError, match="stopping"):
        submit_rows(writer, submission(row("x")))


async def test_rows_that_the_database_refuses_fail_their_own_request_only(database: Database) -> None:
    make_project(database)
    writer = new_writer(database, queue_rows=50_000, close_delay_s=300)
    good, bad, gone = (
        submit_rows(writer, submission(row("good"))),
        submit_rows(writer, submission(row("fine"), row("bad", 2**70))),
        submit_rows(writer, submission(row("gone", project_id="gone"))),
    )
    writer.start()
    assert (await good).accepted == 1
    for refused in (bad, gone):
        with pytest.raises(RowsRefusedError):
            await refused
    await asyncio.to_thread(writer.stop)
    assert stored_ids(database) == ["good"]
    assert read_day_states(database)[KEY]["events"] == 1


def test_a_transaction_that_fails_leaves_nothing_and_the_next_one_works(
    writer: GroupWriter, database: Database
) -> None:
    _rename(database, "day_news", "elsewhere")
    with pytest.raises(StoreUnavailableError):
        store_rows(writer, submission(row("a")))
    _rename(database, "elsewhere", "day_news")
    assert stored_ids(database) == []
    assert writer.queue_depth == 0
    assert store_rows(writer, submission(row("a"))).accepted == 1
    assert read_day_states(database)[KEY]["events"] == 1


def test_a_connection_that_the_server_ended_is_replaced_unseen(writer: GroupWriter, database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("a file has no server")
    store_rows(writer, submission(row("a")))
    with database.write() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )
    assert store_rows(writer, submission(row("a"), row("b"))) == RowsOutcome(1, frozenset({0}))
    assert read_day_states(database)[KEY]["events"] == 2


def test_a_disk_without_room_fails_the_request_and_nothing_else(writer: GroupWriter, database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("only SQLite can be told that its disk is full")
    store_rows(writer, submission(row("a")))
    session = writer._session
    assert session is not None
    connection = session._connection  # type: ignore[attr-defined]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailableError, match="OperationalError"):
        store_rows(writer, submission(*(row(f"e{n}", features="x" * 1_000) for n in range(100))))
    connection.execute("PRAGMA max_page_count = 1000000")
    assert stored_ids(database) == ["a"]
    assert store_rows(writer, submission(row("b"))).accepted == 1
    assert read_day_states(database)[KEY]["events"] == 2


def test_a_large_group_is_stored_in_the_order_of_its_chunks(writer: GroupWriter, database: Database) -> None:
    names = [f"e{n:05d}" for n in range(6_789)]
    half = len(names) // 2
    assert store_rows(writer, submission(*map(row, names[:half]))).accepted == half
    outcome = store_rows(writer, submission(*map(row, names)))
    assert outcome == RowsOutcome(len(names) - half, frozenset(range(half)))
    assert stored_ids(database) == names


def test_made_ids_ascend_and_never_repeat() -> None:
    many = new_event_ids(1_000)
    assert many == sorted(many)
    ids = {*many, *new_event_ids(1_000), *new_event_ids(1)}
    assert len(ids) == 2_001
    assert all(len(event_id) == 36 and event_id[14] == "7" and event_id[19] in "89ab" for event_id in ids)


def _rename(database: Database, old: str, new: str) -> None:
    with database.write() as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
