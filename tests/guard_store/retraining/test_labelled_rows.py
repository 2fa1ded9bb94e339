"""Numbers of labelled rows: counted as a training would use them, and what is missing."""

from datetime import UTC, date, datetime

from guard_core.days import local_days, microseconds
from guard_core.project_settings.training import TrainingSpec
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore
from guard_store.retraining.labelled_rows import LabelledRows, count_labelled_rows
from tests.support.stored_events import event, store, store_labels

SPEC = TrainingSpec(min_rows=20)


def send(database: Database, day: int, rows: int) -> None:
    at = f"2013-01-{day:02d}T12:00:00+00:00"
    store(database, [event("p", "m", at, event_id=f"{day}-{n}") for n in range(rows)])


def label(database: Database, day: int, rows: int, observed_day: int, truth: int = 1) -> None:
    truths = {f"{day}-{n}": truth for n in range(rows)}
    store_labels(database, "p", truths, observed_at=f"2013-01-{observed_day:02d}T12:00:00+00:00")


def count(database: Database, day: int, spec: TrainingSpec = SPEC) -> LabelledRows:
    as_of_us = microseconds(datetime(2013, 1, day, tzinfo=UTC))
    return count_labelled_rows(database, "p", "m", as_of_us, local_days("UTC"), spec)


def test_only_rows_whose_newest_label_was_known_are_counted(database: Database) -> None:
    ProjectStore(database).create("p", "P", "UTC")
    for day in range(1, 5):
        send(database, day, 30)
    label(database, 1, 25, observed_day=2)
    label(database, 2, 30, observed_day=3)
    label(database, 2, 10, observed_day=20, truth=0)
    assert count(database, 10) == LabelledRows({"2013-01-01": 25, "2013-01-02": 20}, 10)
    assert count(database, 3) == LabelledRows({"2013-01-01": 25, "2013-01-02": 0}, 30)
    assert count(database, 1) == LabelledRows({})


def test_older_days_are_not_counted_once_there_are_enough_nor_outside_the_window(database: Database) -> None:
    ProjectStore(database).create("p", "P", "UTC")
    for day in range(1, 5):
        send(database, day, 30)
        label(database, day, 30, observed_day=5)
    assert count(database, 10) == LabelledRows({"2013-01-04": 30, "2013-01-03": 30})
    assert count(database, 10, TrainingSpec(min_rows=20, window_days=6)) == LabelledRows({"2013-01-04": 30})


def test_one_day_alone_is_too_few_because_it_is_held_out() -> None:
    shortage = LabelledRows({"2013-01-04": 30}).shortage(SPEC, date(2013, 1, 9))
    assert shortage is not None
    assert "30 labelled rows on 1 of the 365 days" in shortage
