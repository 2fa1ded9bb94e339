"""A trickle of late events or labels: few runs, while the first verdict of a day waits for none of them."""

from datetime import date, timedelta

import dagster as dg
import pytest

from guard_core.days import now_us
from guard_core.units import SECOND_US
from guard_pipelines.days import sensors
from guard_pipelines.definitions import defs
from guard_pipelines.resources import Guard
from guard_pipelines.tags import days_of
from guard_store.projects.store import ProjectStore
from tests.support.pipelines import Pipelines, capture_baseline
from tests.support.stored_events import event, store, store_labels

FIRST = date(2013, 1, 1)
TICK_S = 5


class Clock:
    """The sensor's clock, and the sensor under it: its cursor is kept from tick to tick, as the daemon keeps it."""

    def __init__(self, pipelines: Pipelines) -> None:
        self.now_us = now_us()
        self.requests: list[dg.RunRequest] = []
        self._pipelines = pipelines
        self._cursor: str | None = None

    def tick(self, after_s: int = TICK_S) -> list[dg.RunRequest]:
        """Let some seconds pass, evaluate the sensor, and execute what it requests."""
        self.now_us += after_s * SECOND_US
        interval_s = self._pipelines.settings.pipelines.interval_s
        with dg.build_sensor_context(
            instance=self._pipelines.instance, resources={"guard": Guard()}, definitions=defs(), cursor=self._cursor
        ) as context:
            answer = sensors.unprocessed_days(interval_s)(context)
        if not isinstance(answer, dg.SensorResult):
            return []
        self._cursor = answer.cursor
        found = list(answer.run_requests or [])
        for request in found:
            self._pipelines.run_request(request)
        self.requests += found
        return found

    def settle(self) -> None:
        """Tick until the sensor has nothing to request after a rest."""
        while self.tick(after_s=600):
            pass


@pytest.fixture
def clock(pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Forty judged days with a baseline."""
    clock = Clock(pipelines)
    monkeypatch.setattr(sensors, "now_us", lambda: clock.now_us)
    ProjectStore(pipelines.database).create("p", "P")
    put(pipelines, *range(40), rows=20)
    clock.settle()
    capture_baseline(pipelines, "p", day(0), day(6))
    clock.settle()
    clock.requests.clear()
    return clock


def day(n: int) -> str:
    return (FIRST + timedelta(days=n)).isoformat()


def put(pipelines: Pipelines, *days: int, rows: int = 1) -> None:
    at = [(n, i) for n in days for i in range(rows)]
    store(
        pipelines.database,
        [event("p", "m", f"{day(n)}T12:00:{i:02d}Z", {"x": i}, event_id=f"{n}-{i}-{rows}") for n, i in at],
    )


def test_49_late_events_in_75_seconds_are_one_run_at_once_and_one_after_the_rest(
    clock: Clock, pipelines: Pipelines
) -> None:
    for n in range(15):
        put(pipelines, *{(7 * n + k) % 40 for k in range(3)})
        clock.tick()
    assert len(clock.requests) == 1
    clock.settle()
    assert len(clock.requests) <= 3  # the last one for windows that the second has changed
    assert pipelines.day_states.due(pipelines.settings) == []


def test_labels_of_one_event_a_second_for_an_hour_are_15_runs_at_most(clock: Clock, pipelines: Pipelines) -> None:
    for n in range(0, 3_600, 30):
        truths = {f"{k % 40}-{k // 40 % 20}-20": k % 2 for k in range(n, n + 30)}
        store_labels(pipelines.database, "p", truths, observed_at="2013-03-01T00:00:00Z")
        clock.tick(after_s=30)
    assert 10 <= len(clock.requests) <= 15


def test_the_first_verdict_of_a_day_does_not_wait_for_the_rest(clock: Clock, pipelines: Pipelines) -> None:
    put(pipelines, 3)
    assert len(clock.tick()) == 1
    put(pipelines, 4)
    assert clock.tick() == []
    put(pipelines, 45, rows=20)
    (request,) = clock.tick()
    assert days_of(request.tags) == [day(45)]


def test_a_recomputation_that_changes_no_profile_asks_for_nothing_on_later_days(
    clock: Clock, pipelines: Pipelines
) -> None:
    pipelines.run({"dagster/partition": day(10)})
    assert pipelines.day_states.due(pipelines.settings) == []
    put(pipelines, 10)
    clock.settle()
    assert len({name for request in clock.requests for name in days_of(request.tags)}) > 1
