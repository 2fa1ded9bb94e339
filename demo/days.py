"""How far each local day has come: waiting for the sensor's work, and seeing when it does not come.

The pipelines decide when a day is worked on; nothing here starts a run.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ml_guard import MLGuardClient

from demo.failure import DemoFailedError
from demo.progress import Progress

Json = dict[str, Any]

_POLL_S = 0.5
_STALLED_S = 180.0


def is_done(counts: Mapping[str, int]) -> Callable[[Json], bool]:
    """Whether all events of a day are there, measured, and the retrain rule has seen them."""

    def done(day: Json) -> bool:
        there = day["events"] >= counts[day["day"]] and day["labels"] > 0
        return bool(there and day["retrain_revision"] >= day["revision"])

    return done


def wait_until(
    done: Callable[[Json], bool],
    days: Sequence[str],
    what: str,
    *,
    news: Callable[[], Sequence[Json]],
    progress: Progress,
    stalled_s: float = _STALLED_S,
) -> None:
    """Return when all of `days` are done.

    Raises
    ------
    DemoFailedError
        Where nothing has changed for `stalled_s`: with the first error that the pipelines noted.
    """
    before: dict[str, Json] | None = None
    moved = time.monotonic()
    while True:
        by_day = {item["day"]: item for item in news()}
        finished = sum(1 for day in days if day in by_day and done(by_day[day]))
        if finished == len(days):
            return
        if by_day != before:  # the count alone may stand or fall while late changes ask for done days again
            before, moved = by_day, time.monotonic()
        errors = [f"{day}: {by_day[day]['error']}" for day in days if day in by_day and by_day[day].get("error")]
        trouble = f"; {len(errors)} failing, first {errors[0]}" if errors else ""
        waited = time.monotonic() - moved
        if waited > stalled_s:
            raise DemoFailedError(f"{finished} of {len(days)} days {what}, no change for {waited:.0f} s{trouble}")
        progress.update(f"{finished} of {len(days)} days {what}; waiting for the sensor's run{trouble}")
        time.sleep(_POLL_S)


def news_of(client: MLGuardClient, project_id: str, model_id: str, days: Sequence[str]) -> Callable[[], Sequence[Json]]:
    """A look at the state of the days, for `wait_until`."""
    return lambda: client.news(project_id, model_id, start=days[0], end=days[-1])
