"""Waiting for days: done, moving, and given up with the reason."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from demo import days
from demo.days import is_done, wait_until
from demo.failure import DemoFailedError
from demo.progress import Progress


def day(name: str, *, revision: int = 2, done: int = 0, error: str | None = None, labels: int = 9) -> dict[str, Any]:
    rest = {"events": 10, "labels": labels, "profile_revision": 2, "error": error}
    return {"day": name, "revision": revision, "retrain_revision": done, **rest}


MEASURED = is_done({"a": 10, "b": 10})


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days, "_POLL_S", 0.0)


def looks(*states: Sequence[dict[str, Any]]) -> Callable[[], Sequence[dict[str, Any]]]:
    remaining = list(states)
    return lambda: remaining.pop(0) if len(remaining) > 1 else remaining[0]


def test_a_day_with_newer_events_than_the_rule_has_seen_is_not_done() -> None:
    assert not MEASURED(day("a", revision=3, done=2))
    assert not MEASURED(day("a", done=1))


def test_a_day_is_measured_when_all_its_events_and_some_labels_are_there() -> None:
    assert MEASURED(day("a", done=2))
    assert not MEASURED({**day("a", done=2), "events": 9})
    assert not MEASURED(day("a", done=2, labels=0))


def test_it_waits_until_every_day_is_there_and_done() -> None:
    day_states = looks([], [day("a", done=2)], [day("a", done=2), day("b")], [day("a", done=2), day("b", done=2)])
    wait_until(MEASURED, ["a", "b"], "measured", day_states=day_states, progress=Progress(io.StringIO()))


def test_it_gives_up_with_the_first_error_of_the_pipelines() -> None:
    day_states = looks([day("a", done=2), day("b", error="disk full")])
    with pytest.raises(DemoFailedError, match=r"^1 of 2 days measured, no change .*; 1 failing, first b: disk full$"):
        wait_until(
            MEASURED, ["a", "b"], "measured", day_states=day_states, progress=Progress(io.StringIO()), stalled_s=0.01
        )


def test_days_that_are_asked_for_again_are_movement_not_a_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr("demo.days.time.monotonic", lambda: float(next(clock)))
    done = [day("a", done=2), day("b", done=2)]
    fewer = [[day("a", revision=number, done=number), day("b", revision=number)] for number in range(10)]
    wait_until(
        MEASURED, ["a", "b"], "measured", day_states=looks(*fewer, done), progress=Progress(io.StringIO()), stalled_s=15
    )
