"""Looks within a tick: sensors that see what comes while Dagster would be waiting for the next tick."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from guard_pipelines.days import polling
from guard_store.projects.store import ProjectStore
from tests.support.pipeline_projects import force, make_project, send_days
from tests.support.pipelines import Pipelines
from tests.support.stored_events import event, store

DAGSTER_BEGINS_TICKS_S = 5.0


@pytest.fixture
def looking(pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch) -> Pipelines:
    monkeypatch.setenv("ML_GUARD_PIPELINES_INTERVAL_S", "1")
    ProjectStore(pipelines.database).create("p", "P")
    return pipelines


def put(pipelines: Pipelines, day: str = "2013-01-01") -> None:
    store(pipelines.database, [event("p", "m", f"{day}T12:00:00Z", {"x": 1})])


@contextmanager
def meanwhile(work: Callable[[], object], *, times: int = 1, every_s: float = 0.5) -> Iterator[None]:
    def repeat() -> None:
        for _ in range(times):
            time.sleep(every_s)
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize(("interval_s", "expected"), [(1, 5), (2, 3), (3, 2), (5, 1), (60, 1)])
def test_looks_end_before_dagster_begins_the_next_tick(
    interval_s: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("guard_pipelines.days.polling.time.monotonic", lambda: now[0])
    monkeypatch.setattr("guard_pipelines.days.polling.time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    found = list(polling.polls(interval_s))
    assert found == [*[False] * (expected - 1), True]
    assert now[0] < DAGSTER_BEGINS_TICKS_S


def test_events_that_come_during_a_tick_are_asked_for_in_it(looking: Pipelines) -> None:
    began = time.monotonic()
    with meanwhile(lambda: put(looking)):
        (request,) = looking.tick()
    assert time.monotonic() - began < polling.LAST_POLL_S
    assert request.tags["dagster/asset_partition_range_start"] == "2013-01-01"


def test_days_that_still_change_are_asked_for_once_at_the_end_of_the_tick(looking: Pipelines) -> None:
    began = time.monotonic()
    with meanwhile(lambda: put(looking), times=9):
        (request,) = looking.tick()
    assert polling.LAST_POLL_S <= time.monotonic() - began < DAGSTER_BEGINS_TICKS_S
    looking.run_request(request)
    assert looking.counts("p") == {"2013-01-01": 9}


def test_a_flag_that_is_raised_during_a_tick_is_asked_for_in_it(
    pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(pipelines.database)
    send_days(pipelines.database, 1, 10)
    pipelines.settle()
    monkeypatch.setenv("ML_GUARD_PIPELINES_INTERVAL_S", "1")
    began = time.monotonic()
    with meanwhile(lambda: force(pipelines.database, 10)):
        (request,) = pipelines.tick_retrain()
    assert time.monotonic() - began < polling.LAST_POLL_S
    assert request.partition_key == "p/m"


def test_with_the_default_interval_a_tick_looks_once(pipelines: Pipelines) -> None:
    began = time.monotonic()
    assert pipelines.tick() == pipelines.tick_retrain() == []
    assert time.monotonic() - began < 1.5
