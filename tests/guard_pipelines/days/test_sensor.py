"""The sensor `unprocessed_days`: exactly the closed days with news, in few runs, the same news never twice."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from guard_core.days import now_us
from guard_pipelines import runs
from guard_pipelines.days.sensors import unprocessed_days
from guard_pipelines.resources import Guard
from guard_pipelines.schedules import every_day
from guard_pipelines.tags import UNPROCESSED, days_of, range_tags
from guard_store.day_state.ticks import UNPROCESSED_DAYS, TickStore
from guard_store.projects.store import ProjectStore
from tests.support.pipelines import Pipelines
from tests.support.stored_events import event, store


@pytest.fixture
def guarded(pipelines: Pipelines) -> Pipelines:
    ProjectStore(pipelines.database).create("p", "P")
    return pipelines


def days_from(first: str, offsets: Sequence[int]) -> list[str]:
    start = datetime.fromisoformat(first)
    return [(start + timedelta(days=n)).date().isoformat() for n in offsets]


def put(pipelines: Pipelines, days: Sequence[str], model_id: str = "m", **more: str) -> None:
    store(pipelines.database, [event("p", model_id, f"{day}T12:00:00Z", {"x": 1}) for day in days], **more)


def covered(found: Sequence[dg.RunRequest]) -> set[str]:
    return {day for request in found for day in days_of(request.tags)}


def scheduled(pipelines: Pipelines) -> list[dg.RunRequest]:
    """What the schedule asks for on 2024-05-02."""
    with dg.build_schedule_context(
        instance=pipelines.instance,
        scheduled_execution_time=datetime(2024, 5, 2, 12, 30, tzinfo=UTC),
        resources={"guard": Guard()},
    ) as context:
        found = every_day(context)
    assert isinstance(found, list)
    return found


def test_nothing_is_asked_for_before_there_are_events(guarded: Pipelines) -> None:
    assert guarded.tick() == []
    assert guarded.skip_reason() == "no closed day has unprocessed rows"


def test_each_tick_is_recorded_also_one_that_requests_nothing(guarded: Pipelines) -> None:
    ticks = TickStore(guarded.database)
    assert ticks.newest(UNPROCESSED_DAYS) is None
    for _ in range(2):
        before_us = now_us()
        assert guarded.tick() == []
        assert before_us <= (ticks.newest(UNPROCESSED_DAYS) or 0) <= now_us()


def test_the_day_that_is_not_over_is_not_asked_for(guarded: Pipelines) -> None:
    now = datetime.now(UTC)
    store(guarded.database, [event("p", "m", now.isoformat(), {"x": 1}, received_us=now_us())])
    assert guarded.tick() == []


def test_neighbouring_days_are_one_run_and_distant_days_are_runs_of_their_own(guarded: Pipelines) -> None:
    put(guarded, ["2013-01-30", "2013-01-31", "2013-02-01", "2013-09-01"])
    found = guarded.tick()
    assert [days_of(request.tags) for request in found] == [["2013-01-30", "2013-01-31", "2013-02-01"], ["2013-09-01"]]


@pytest.mark.parametrize("offsets", [range(100), range(0, 200, 2), [n * n % 363 for n in range(1, 101)]])
def test_a_burst_of_a_hundred_days_is_few_runs_that_cover_all_of_them(
    guarded: Pipelines, offsets: Sequence[int]
) -> None:
    days = days_from("2013-01-01", offsets)
    put(guarded, days)
    found = guarded.tick()
    assert len(found) <= 4
    assert covered(found) >= set(days)


def test_a_run_has_no_more_days_than_the_setting_says(guarded: Pipelines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_GUARD_PIPELINES_DAYS_PER_RUN", "30")
    put(guarded, days_from("2013-01-01", range(100)))
    assert [len(days_of(request.tags)) for request in guarded.tick()] == [30, 30, 30, 10]


def test_the_same_news_have_the_same_key_and_other_news_another(guarded: Pipelines) -> None:
    put(guarded, ["2013-01-01"])
    (first,) = guarded.tick()
    (again,) = guarded.tick()
    put(guarded, ["2013-01-01"])
    (other,) = guarded.tick()
    assert first.run_key == again.run_key != other.run_key


def test_requests_that_brought_the_news_are_named_in_the_tags(guarded: Pipelines) -> None:
    put(guarded, ["2013-01-01"], request_id="request-b")
    put(guarded, ["2013-01-02"], request_id="request-a")
    (request,) = guarded.tick()
    assert request.tags["ml_guard/request_id"] == "request-a,request-b"


def test_days_of_a_run_in_flight_are_not_asked_for_again(guarded: Pipelines) -> None:
    put(guarded, ["2013-01-01", "2013-01-02"])
    (request,) = guarded.tick()
    guarded.hold(request, dg.DagsterRunStatus.STARTED)
    put(guarded, ["2013-01-02", "2013-01-03"])
    (next_request,) = guarded.tick()
    assert days_of(next_request.tags) == ["2013-01-03"]
    guarded.hold(next_request, dg.DagsterRunStatus.STARTING)
    assert guarded.tick() == []
    assert guarded.skip_reason() == "3 model-days are being run"


def test_a_run_that_went_silent_is_not_waited_for(guarded: Pipelines, monkeypatch: pytest.MonkeyPatch) -> None:
    put(guarded, ["2013-01-01"])
    (request,) = guarded.tick()
    guarded.hold(request, dg.DagsterRunStatus.STARTED)
    put(guarded, ["2013-01-01"])
    assert guarded.tick() == []
    monkeypatch.setattr(runs, "SILENT_AFTER_S", 0)
    assert len(guarded.tick()) == 1


def test_a_queued_run_is_waited_for_however_long_it_waits_itself(
    guarded: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(guarded, ["2013-01-01"])
    (request,) = guarded.tick()
    run = guarded.hold(request, dg.DagsterRunStatus.QUEUED)
    guarded.instance.report_engine_event("in the queue", run)
    put(guarded, ["2013-01-01"])
    monkeypatch.setattr(runs, "SILENT_AFTER_S", 0)
    assert guarded.tick() == []
    assert guarded.skip_reason() == "1 model-days are being run"
    guarded.instance.report_run_canceled(run)
    assert len(guarded.tick()) == 1


def test_news_of_a_run_that_failed_as_a_whole_are_asked_for_again_but_not_for_ever(
    guarded: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRIES", "2")
    put(guarded, ["2013-01-01"])
    keys = []
    while found := guarded.tick():
        keys.append(found[0].run_key)
        run = guarded.hold(found[0], dg.DagsterRunStatus.STARTED)
        guarded.instance.report_run_failed(run)
    assert len(set(keys)) == len(keys) == 3
    assert "no retry of them is due" in guarded.skip_reason()
    put(guarded, ["2013-01-01"])
    assert len(guarded.tick()) == 1


def test_a_retry_waits_its_time(guarded: Pipelines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_GUARD_PIPELINES_RETRY_DELAY_S", "3600")
    put(guarded, ["2013-01-01"])
    (request,) = guarded.tick()
    guarded.instance.report_run_failed(guarded.hold(request, dg.DagsterRunStatus.STARTED))
    assert guarded.tick() == []


def test_the_sensor_comes_to_rest_after_one_run(guarded: Pipelines) -> None:
    put(guarded, days_from("2013-01-01", [0, 1, 2]))
    put(guarded, days_from("2013-01-01", [1]), model_id="other")
    assert guarded.settle() == 1
    assert guarded.skip_reason() == "no closed day has unprocessed rows"


def test_a_run_by_hand_recomputes_its_days_and_a_run_for_news_only_what_is_new(guarded: Pipelines) -> None:
    put(guarded, ["2013-01-01", "2013-01-02"])
    guarded.settle()
    computed = [report.computed_us for report in guarded.reports("p")]
    days = range_tags("2013-01-01", "2013-01-02")
    guarded.run({**days, UNPROCESSED: "nothing new"})
    assert [report.computed_us for report in guarded.reports("p")] == computed
    guarded.run({"dagster/partition": "2013-01-02"})
    first, second = (report.computed_us for report in guarded.reports("p"))
    assert first == computed[0]
    assert second > computed[1]


@pytest.mark.usefixtures("kept_instance")
def test_every_partition_of_a_range_is_materialised(guarded: Pipelines) -> None:
    put(guarded, days_from("2013-01-01", [0, 1, 2]))
    guarded.settle()
    for name in ("raw_events", "daily_aggregates", "drift_reports"):
        found = guarded.instance.fetch_materializations(dg.AssetKey(name), limit=10).records
        assert sorted(record.partition_key or "" for record in found) == days_from("2013-01-01", [0, 1, 2])
        newest = guarded.instance.get_latest_materialization_event(dg.AssetKey(name))
        assert newest is not None
        assert newest.asset_materialization is not None
        assert newest.asset_materialization.metadata["models"].value == 1


@pytest.mark.usefixtures("kept_instance")
def test_the_schedule_runs_the_newest_day_closed_everywhere_and_what_is_due(guarded: Pipelines) -> None:
    put(guarded, ["2013-01-01"])
    found = scheduled(guarded)
    assert [days_of(request.tags) for request in found] == [["2013-01-01"], ["2024-05-01"]]
    assert guarded.run(dict(found[1].tags)).success


@pytest.mark.usefixtures("kept_instance")
def test_the_schedule_leaves_out_a_day_that_another_run_has(guarded: Pipelines) -> None:
    put(guarded, ["2024-05-01"])
    (for_news,) = scheduled(guarded)
    assert for_news.tags[UNPROCESSED] != "schedule 2024-05-01"
    held = guarded.hold(for_news)
    assert scheduled(guarded) == []
    guarded.instance.report_run_failed(held)
    assert covered(scheduled(guarded)) == {"2024-05-01"}


def test_sensor_and_schedule_run_by_themselves() -> None:
    assert unprocessed_days(5).default_status == dg.DefaultSensorStatus.RUNNING
    assert every_day.default_status == dg.DefaultScheduleStatus.RUNNING
