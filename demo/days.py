"""Wait until local days are processed, and fail if the pipelines make no progress.

The pipelines decide when to process a day; nothing here starts a run.
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
    """Return a predicate: whether a day has all its events, and has been processed including the retrain rule."""

    def is_day_done(day: Json) -> bool:
        is_complete = day["events"] >= counts[day["day"]] and day["labels"] > 0
        return bool(is_complete and day["retrain_revision"] >= day["revision"])

    return is_day_done


def wait_until(
    done: Callable[[Json], bool],
    days: Sequence[str],
    what: str,
    *,
    day_states: Callable[[], Sequence[Json]],
    progress: Progress,
    stalled_s: float = _STALLED_S,
) -> None:
    """Wait until all of `days` are done.

    Raises
    ------
    DemoFailedError
        If no day has changed for `stalled_s`; the message includes the first error that the pipelines recorded.
    """
    previous: dict[str, Json] | None = None
    changed_at = time.monotonic()
    while True:
        by_day = {item["day"]: item for item in day_states()}
        finished = sum(1 for day in days if day in by_day and done(by_day[day]))
        if finished == len(days):
            return
        if by_day != previous:  # the count alone is no sign of progress: late changes can make done days due again
            previous, changed_at = by_day, time.monotonic()
        errors = [f"{day}: {by_day[day]['error']}" for day in days if day in by_day and by_day[day].get("error")]
        trouble = f"; {len(errors)} failing, first {errors[0]}" if errors else ""
        unchanged_s = time.monotonic() - changed_at
        if unchanged_s > stalled_s:
            raise DemoFailedError(f"{finished} of {len(days)} days {what}, no change for {unchanged_s:.0f} s{trouble}")
        progress.update(f"{finished} of {len(days)} days {what}; waiting for the sensor's run{trouble}")
        time.sleep(_POLL_S)


def day_states_of(
    client: MLGuardClient, project_id: str, model_id: str, days: Sequence[str]
) -> Callable[[], Sequence[Json]]:
    """Return a function that reads the states of the days, for `wait_until`."""
    return lambda: client.days(project_id, model_id, start=days[0], end=days[-1])
