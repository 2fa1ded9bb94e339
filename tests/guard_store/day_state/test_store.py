"""States of days: due when closed, done when every stage has seen them, due again when something changes."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import pytest
from sqlalchemy import update

from guard_core.days import microseconds, now_us
from guard_core.settings import Settings
from guard_store.day_state.invalidation import invalidate_drift, invalidate_lake, rebuild_for_timezone
from guard_store.day_state.store import DayStateStore, Stage
from guard_store.day_state.tables import day_states
from guard_store.db.database import Database
from guard_store.monitoring.aggregates import AggregateStore, Slice
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.projects.store import ProjectStore
from tests.support.stored_events import event, store

T = TypeVar("T")
STAGES: Sequence[Stage] = ("lake", "profile", "drift", "performance", "retrain")


@pytest.fixture
def day_store(database: Database) -> DayStateStore:
    ProjectStore(database).create("p", "P", "America/New_York")
    return DayStateStore(database)


def at(instant: str) -> int:
    return microseconds(datetime.fromisoformat(instant))


def process(
    day_store: DayStateStore, settings: Settings, days: Sequence[str], stages: Sequence[Stage] = STAGES
) -> None:
    for stage in stages:
        day_store.mark(stage, day_store.due_at_stage(stage, days, settings))


def only(items: Sequence[T]) -> T:
    (item,) = items
    return item


def test_day_is_due_only_after_its_own_midnight_and_the_delay(
    day_store: DayStateStore, database: Database, settings: Settings
) -> None:
    store(database, [event("p", "m", "2024-03-10T12:00:00Z")])
    # A day of 23 hours: it ends at 04:00 UTC, because the clocks have gone forward.
    assert not day_store.due(settings, at("2024-03-11T04:04:59Z"))
    assert only(day_store.due(settings, at("2024-03-11T04:05:00Z"))).key == ("p", "m", "2024-03-10")


@pytest.mark.parametrize(
    ("zone", "closed"), [("Pacific/Kiritimati", "2024-05-01T10:05:00Z"), ("Etc/GMT+12", "2024-05-02T12:05:00Z")]
)
def test_days_end_when_their_zone_says_so(database: Database, settings: Settings, zone: str, closed: str) -> None:
    ProjectStore(database).create("far", "Far", zone)
    start = {"Pacific/Kiritimati": "2024-04-30T10:00:00Z", "Etc/GMT+12": "2024-05-01T12:00:00Z"}[zone]
    store(database, [event("far", "m", start)])
    assert not DayStateStore(database).due(settings, at(closed) - 1)
    assert only(DayStateStore(database).due(settings, at(closed))).day == "2024-05-01"


def test_each_stage_works_on_what_the_stage_before_has_done(
    day_store: DayStateStore, database: Database, settings: Settings
) -> None:
    store(database, [event("p", "m", "2024-05-01T12:00:00Z")])
    day = ["2024-05-01"]
    assert [len(day_store.due_at_stage(stage, day, settings)) for stage in STAGES] == [1, 0, 0, 0, 0]
    process(day_store, settings, day, ["lake"])
    assert [len(day_store.due_at_stage(stage, day, settings)) for stage in STAGES] == [0, 1, 0, 0, 0]
    process(day_store, settings, day, ["profile"])
    assert [len(day_store.due_at_stage(stage, day, settings)) for stage in STAGES] == [0, 0, 1, 0, 0]
    assert day_store.due(settings)
    process(day_store, settings, day, ["drift"])
    assert [len(day_store.due_at_stage(stage, day, settings)) for stage in STAGES] == [0, 0, 0, 1, 0]
    assert day_store.due(settings)
    process(day_store, settings, day, ["performance"])
    assert [len(day_store.due_at_stage(stage, day, settings)) for stage in STAGES] == [0, 0, 0, 0, 1]
    assert day_store.due(settings)
    process(day_store, settings, day, ["retrain"])
    assert not day_store.due(settings)
    assert [len(day_store.processable(stage, day)) for stage in STAGES] == [1, 1, 1, 1, 1]


def test_a_change_while_a_stage_works_stays_due(
    day_store: DayStateStore, database: Database, settings: Settings
) -> None:
    store(database, [event("p", "m", "2024-05-01T12:00:00Z")])
    read_before = day_store.due_at_stage("lake", ["2024-05-01"], settings)
    store(database, [event("p", "m", "2024-05-01T13:00:00Z")])
    assert day_store.mark("lake", read_before) == []
    assert only(day_store.due_at_stage("lake", ["2024-05-01"], settings)).events == 2


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_wrote_an_older_look_over_a_newer_one_does_the_day_again(
    day_store: DayStateStore, database: Database, settings: Settings, stage: Stage
) -> None:
    day = ["2024-05-01"]
    store(database, [event("p", "m", "2024-05-01T12:00:00Z")])
    process(day_store, settings, day, STAGES[: STAGES.index(stage)])
    older = day_store.due_at_stage(stage, day, settings)
    store(database, [event("p", "m", "2024-05-01T13:00:00Z")])
    process(day_store, settings, day)
    assert not day_store.due(settings), "a faster run has done it all"
    assert day_store.mark(stage, older) == []
    assert only(day_store.due_at_stage(stage, day, settings)).events == 2
    process(day_store, settings, day, STAGES[STAGES.index(stage) :])
    assert not day_store.due(settings)


def test_duplicate_is_counted_but_changes_nothing(
    day_store: DayStateStore, database: Database, settings: Settings
) -> None:
    row = event("p", "m", "2024-05-01T12:00:00Z")
    store(database, [row])
    process(day_store, settings, ["2024-05-01"])
    store(database, [row])
    assert not day_store.due(settings)
    assert only(day_store.list("p", "m", "2024-01-01", "2024-12-31")).duplicates == 1


def test_failed_day_is_retried_with_growing_pauses_and_then_only_after_a_new_change(
    day_store: DayStateStore, database: Database, settings: Settings
) -> None:
    store(database, [event("p", "m", "2024-05-01T12:00:00Z")])
    for attempt in range(1, settings.pipelines.retries + 2):
        item = only(day_store.due(settings, now_us() + 3_600_000_000))
        assert item.attempts == attempt - 1
        day_store.fail(item, "broken")
        if attempt <= settings.pipelines.retries:
            wait_us = settings.pipelines.retry_delay_s * 2 ** (attempt - 1) * 1_000_000
            failed = only(day_store.pending())
            assert failed.failed
            assert not day_store.due(settings, failed.changed_us + wait_us - 1)
            assert day_store.due(settings, failed.changed_us + wait_us)
    assert not day_store.due(settings, now_us() + 10**15)
    assert only(day_store.models("p")).failed_days == 1
    store(database, [event("p", "m", "2024-05-01T13:00:00Z")])
    assert only(day_store.due(settings)).error == "broken"
    process(day_store, settings, ["2024-05-01"])
    done = only(day_store.list("p", "m", "2024-05-01", "2024-05-01"))
    assert (done.error, done.attempts, done.failed_revision) == (None, 0, None)


def test_failure_of_a_day_that_has_changed_since_is_forgotten(
    day_store: DayStateStore, database: Database, settings: Settings
) -> None:
    store(database, [event("p", "m", "2024-05-01T12:00:00Z")])
    item = only(day_store.due(settings))
    store(database, [event("p", "m", "2024-05-01T13:00:00Z")])
    day_store.fail(item, "broken")
    assert only(day_store.due(settings)).error is None


def test_asking_for_the_lake_starts_all_days_of_the_model_again(
    day_store: DayStateStore, database: Database, settings: Settings
) -> None:
    store(database, [event("p", m, f"2024-05-0{d}T12:00:00Z") for m in ("m", "other") for d in (1, 2)])
    process(day_store, settings, ["2024-05-01", "2024-05-02"])
    with database.write() as connection:
        invalidate_lake(connection, "p", "m", request_id="request-2")
    due = day_store.due(settings)
    assert [(item.model_id, item.day, item.request_id) for item in due] == [
        ("m", "2024-05-01", "request-2"),
        ("m", "2024-05-02", "request-2"),
    ]
    assert len(day_store.due_at_stage("lake", ["2024-05-01", "2024-05-02"], settings)) == 2


def test_asking_for_drift_leaves_lake_and_profiles_alone_and_forgives_failures(
    day_store: DayStateStore, database: Database, settings: Settings
) -> None:
    store(database, [event("p", "m", "2024-05-01T12:00:00Z")])
    process(day_store, settings, ["2024-05-01"], ["lake", "profile"])
    day_store.fail(only(day_store.due(settings)), "bad settings")
    assert not day_store.due(settings)
    with database.write() as connection:
        invalidate_drift(connection, "p")
    assert [len(day_store.due_at_stage(stage, ["2024-05-01"], settings)) for stage in STAGES] == [0, 0, 1, 0, 0]


def test_changed_profile_asks_the_later_days_that_looked_back_at_it(
    day_store: DayStateStore, database: Database, settings: Settings
) -> None:
    days = [f"2024-05-0{d}" for d in range(1, 7)]
    store(database, [event("p", "m", f"{day}T12:00:00Z") for day in days])
    process(day_store, settings, days)
    for day, window_days in zip(days, (1, 1, 2, 3, 2, 6), strict=True):
        DriftReportStore(database).replace(
            "p", "m", day, state="stable", baseline_id=None, window_days=window_days, report={}, revision=1, run_id=None
        )
    for profile in (b"new", b"new"):  # the second time by a run that repeats what a killed one had not marked
        slices = [Slice("", "", 2, {}, profile)]
        AggregateStore(database).replace_day("p", "m", days[1], slices, lake_version=1, revision=2, run_id=None)
    affected = ["2024-05-03", "2024-05-04", "2024-05-06"]
    assert [item.day for item in day_store.due(settings)] == affected
    assert [item.day for item in day_store.due_at_stage("drift", days, settings)] == affected
    process(day_store, settings, days)
    AggregateStore(database).replace_day(
        "p", "m", days[1], [Slice("", "", 2, {}, b"new")], lake_version=1, revision=2, run_id=None
    )
    assert not day_store.due(settings), "an equal profile asks for nothing"


def test_other_time_zone_lays_events_on_other_days_and_empties_old_ones(
    day_store: DayStateStore, database: Database, settings: Settings
) -> None:
    store(database, [event("p", "m", "2024-05-02T02:00:00Z"), event("p", "m", "2024-05-02T12:00:00Z")])
    process(day_store, settings, ["2024-05-01", "2024-05-02"])
    assert [(item.day, item.events) for item in day_store.list("p", "m", "2024-01-01", "2024-12-31")] == [
        ("2024-05-01", 1),
        ("2024-05-02", 1),
    ]
    ProjectStore(database).update(
        "p",
        timezone="UTC",
        consequences=[lambda c, _, after: rebuild_for_timezone(c, after.id, after.timezone, close_delay_s=300)],
    )
    assert [(item.day, item.events, item.late) for item in day_store.list("p", "m", "2024-01-01", "2024-12-31")] == [
        ("2024-05-02", 2, 2)
    ]
    # The day that lost its event is due, so that its results are removed.
    assert [
        (item.day, item.events) for item in day_store.due_at_stage("lake", ["2024-05-01", "2024-05-02"], settings)
    ] == [
        ("2024-05-01", 0),
        ("2024-05-02", 2),
    ]


def test_newest_closed_day_of_each_model(day_store: DayStateStore, database: Database, settings: Settings) -> None:
    store(database, [event("p", m, f"2024-05-0{d}T12:00:00Z") for m, d in (("a", 1), ("a", 2), ("b", 1), ("b", 4))])
    found = day_store.newest(settings, at("2024-05-03T12:00:00Z"))
    assert {item.key[1:] for item in found} == {("a", "2024-05-02"), ("b", "2024-05-01")}


def test_models_are_summed_up(day_store: DayStateStore, database: Database, settings: Settings) -> None:
    store(database, [event("p", "m", f"2024-05-0{d}T12:00:00Z") for d in (1, 1, 3)])
    process(day_store, settings, ["2024-05-01"])
    summary = only(day_store.models("p"))
    assert (summary.events, summary.first_day, summary.last_day, summary.pending_days, summary.failed_days) == (
        3,
        "2024-05-01",
        "2024-05-03",
        1,
        0,
    )


def test_list_pages_by_day(day_store: DayStateStore, database: Database) -> None:
    store(database, [event("p", "m", f"2024-05-0{d}T12:00:00Z") for d in (1, 2, 3)])
    page = day_store.list("p", "m", "2024-05-01", "2024-05-03", after_day="2024-05-01", limit=1)
    assert only(page).day == "2024-05-02"


def test_sent_back_day_starts_at_the_lake_and_still_counts_its_attempts(
    day_store: DayStateStore, database: Database, settings: Settings
) -> None:
    store(database, [event("p", "m", "2024-05-01T12:00:00Z")])
    process(day_store, settings, ["2024-05-01"])
    done = only(day_store.list("p", "m", "2024-05-01", "2024-05-01"))
    day_store.fail(done, "rows are missing", from_the_start=True)
    sent_back = only(day_store.pending())
    assert (sent_back.lake_revision, sent_back.attempts, sent_back.failed) == (0, 1, True)
    assert sent_back.changes == done.changes + 1


def test_rows_without_a_project_are_left_alone(
    day_store: DayStateStore, database: Database, settings: Settings
) -> None:
    store(database, [event("p", "m", "2024-05-01T12:00:00Z")])
    with database.write() as connection:
        connection.execute(update(day_states).values(project_id="gone"))
    assert not day_store.due(settings)


def test_the_backlog_counts_closed_days_by_the_time_zone_of_their_project(
    day_store: DayStateStore, database: Database, settings: Settings
) -> None:
    ProjectStore(database).create("far", "Far", "Pacific/Kiritimati")
    for project_id in ("p", "far"):
        store(database, [event(project_id, "m", f"2024-05-0{day}T12:00:00Z") for day in (1, 2)])
    delay_s = settings.pipelines.close_delay_s
    noon = at("2024-05-02T12:00:00Z") + delay_s * 1_000_000
    counts = {row.project_id: (row.waiting_days, row.open_days) for row in day_store.backlog(settings, at_us=noon)}
    assert counts == {"far": (1, 1), "p": (1, 1)}
    # 12:00 UTC of 1 May is 2 May at UTC+14, and that day ends at 10:00 UTC; in New York, 2 May is not over.
    oldest = {row.project_id: row.oldest_waiting for row in day_store.backlog(settings, at_us=noon)}
    assert oldest == {"far": "2024-05-02", "p": "2024-05-01"}
    (ours,) = day_store.backlog(settings, "p", at_us=at("2024-05-03T04:00:00Z") + delay_s * 1_000_000)
    assert (ours.waiting_days, ours.open_days) == (2, 0)
    (earlier,) = day_store.backlog(settings, "p", at_us=at("2024-05-03T04:00:00Z") + delay_s * 1_000_000 - 1)
    assert (earlier.waiting_days, earlier.open_days) == (1, 1)
    process(day_store, settings, ["2024-05-01", "2024-05-02"])
    assert [row.project_id for row in day_store.backlog(settings)] == ["far"]
