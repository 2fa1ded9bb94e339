"""Labels meet their events: before or after them, corrected, in another time zone; in the day states and in the lake."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy.event import listen

from guard_core.settings import Settings
from guard_store.day_state.invalidation import rebuild_for_timezone
from guard_store.day_state.store import DayStateStore
from guard_store.db.arrow_reader import ArrowReader
from guard_store.db.database import Database
from guard_store.ingest.labels import LabelStore
from guard_store.ingest.rows import LabelRow, RowsOutcome, StoreLabels, label_row
from guard_store.ingest.step import IngestStep
from guard_store.lake.rows import PIECE_ROWS, store_days
from guard_store.lake.store import Lake
from guard_store.writer.sessions import open_session
from guard_store.writer.work import RowsRefusedError
from guard_store.writer.writer import GroupWriter
from tests.support.event_rows import (
    NOON_US,
    PROJECT,
    make_project,
    read_day_states,
    row,
    running,
    store_rows,
    submission,
)

DAY = ("flights", "delay", "2013-01-02")
HOUR_US = 3_600_000_000


def label(event_id: str, y_true: str = "1", *, observed_us: int = NOON_US, project_id: str = PROJECT) -> LabelRow:
    return label_row(
        project_id, event_id, y_true, observed_us=observed_us, received_us=observed_us, request_id=f"of {event_id}"
    )


def send(writer: GroupWriter, *labels: LabelRow) -> tuple[int, frozenset[int]]:
    outcome = store_rows(writer, StoreLabels(labels, NOON_US, "labels"))
    return outcome.accepted, outcome.duplicates


def test_the_same_label_again_is_a_duplicate_and_another_value_or_instant_is_not(database: Database) -> None:
    make_project(database)
    with running(database) as writer:
        assert send(writer, label("a"), label("b"), label("a")) == (2, frozenset({2}))
        assert send(writer, label("b"), label("b", "0"), label("b", observed_us=NOON_US + 1)) == (2, frozenset({0}))
    assert LabelStore(database).waiting(PROJECT) == 4


def test_labels_and_events_of_one_transaction_are_told_apart(database: Database) -> None:
    make_project(database)
    with running(database) as writer:
        send(writer, label("e1"))
        writer.store(submission(row("e1")))
    of_events = submission(row("e1"), row("e2"))
    of_labels = StoreLabels([label("e1"), label("e3")], NOON_US, "x")
    session = open_session(database)
    session.begin()
    assert IngestStep(300).apply(session, [of_events, of_labels]) == []
    session.commit()
    session.close()
    assert of_events.outcome == of_labels.outcome == RowsOutcome(1, frozenset({0}))


def test_labels_of_a_project_that_does_not_exist_are_refused(database: Database) -> None:
    with running(database) as writer, pytest.raises(RowsRefusedError, match="project 'flights' does not exist"):
        send(writer, label("a"))
    assert LabelStore(database).waiting(PROJECT) == 0


def test_a_label_changes_its_events_day_once(database: Database) -> None:
    make_project(database)
    store = LabelStore(database)
    with running(database) as writer:
        writer.store(submission(row("a"), row("b"), row("next", NOON_US + 24 * HOUR_US)))
        send(writer, label("a"), label("b"), label("next"), label("unknown"))
        assert store.count_on_days(chunk=2) == 3
        assert store.count_on_days() == 0
    found = read_day_states(database)
    assert {key[2]: (one["labels"], one["revision"], one["changes"]) for key, one in found.items()} == {
        "2013-01-02": (2, 2, 2),
        "2013-01-03": (1, 2, 2),
    }
    assert found[DAY]["request_id"] == "of b"
    assert store.waiting(PROJECT) == 1


def test_a_label_that_came_before_its_event_is_told_when_the_event_is_there(database: Database) -> None:
    make_project(database)
    store = LabelStore(database)
    with running(database) as writer:
        send(writer, label("a"))
        assert store.count_on_days() == 0
        writer.store(submission(row("a")))
    assert store.count_on_days() == 1
    assert read_day_states(database)[DAY]["labels"] == 1


def test_a_look_for_labels_that_wait_reads_no_others(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL chooses by its statistics, and knows that both ways of saying it are the same")
    said: list[tuple[str, Any]] = []
    listen(database.engine, "before_cursor_execute", lambda *a: said.append((a[2], a[3])))
    LabelStore(database).count_on_days()
    (look,) = [(statement, values) for statement, values in said if "FROM labels" in statement]
    with database.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {look[0]}", look[1]).all()
    assert [step.detail for step in plan if "labels" in step.detail] == [
        "SEARCH labels USING INDEX ix_labels_waiting (seq>?)"
    ]


def test_another_time_zone_takes_the_labels_to_the_days_of_their_events(database: Database) -> None:
    make_project(database)
    with running(database) as writer:
        writer.store(submission(row("night", NOON_US + 10 * HOUR_US), row("noon")))
        send(writer, label("night"), label("noon"), label("noon", "0"), label("unknown"))
    LabelStore(database).count_on_days()
    with database.write() as connection:
        rebuild_for_timezone(connection, PROJECT, "Europe/Berlin", close_delay_s=300)
    assert {key[2]: one["labels"] for key, one in read_day_states(database).items()} == {
        "2013-01-02": 2,
        "2013-01-03": 1,
    }


def lake_rows(database: Database, settings: Settings) -> Sequence[dict[str, Any]]:
    items = DayStateStore(database).of_days(["2013-01-02"])
    lake = Lake(settings.storage.lake)
    with ArrowReader(database, PIECE_ROWS) as reader:
        store_days(
            database, reader, lake, items, lambda column, _: "numeric" if column == "y_pred" else "categorical", 10_000
        )
    snapshot = lake.snapshot(PROJECT, "delay")
    assert snapshot is not None
    rows: list[dict[str, Any]] = [
        one for file in snapshot.files("2013-01-02") for one in pq.read_table(file, partitioning=None).to_pylist()
    ]
    return sorted(rows, key=lambda one: one["event_id"])


def test_the_lake_has_the_version_of_a_label_that_was_observed_last(database: Database, settings: Settings) -> None:
    make_project(database)
    with running(database) as writer:
        writer.store(submission(row("a"), row("b"), row("c")))
        send(writer, label("a", "3", observed_us=NOON_US + HOUR_US), label("a", "2"), label("b", "1"))
        send(writer, label("b", "5"))  # at the same instant: the one stored last counts
    LabelStore(database).count_on_days()
    rows = lake_rows(database, settings)
    assert [one["y_true"] for one in rows] == [3.0, 5.0, None], "a label is of the prediction's kind"
    assert rows[0]["label_observed_at"] - rows[1]["label_observed_at"] == timedelta(hours=1)
    assert rows[2]["label_observed_at"] is None


def test_a_day_without_labels_keeps_the_column_of_a_model_that_has_some(database: Database, settings: Settings) -> None:
    make_project(database)
    with running(database) as writer:
        writer.store(submission(row("a")))
        assert "y_true" not in lake_rows(database, settings)[0]
        send(writer, label("a"))
        LabelStore(database).count_on_days()
        assert lake_rows(database, settings)[0]["y_true"] == 1.0
        writer.store(submission(row("b", model_id="other")))
