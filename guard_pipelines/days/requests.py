"""From due days to run requests: one request for a range of days, each change once, no day that a run is processing.

Which days are due is in `guard_store.day_state.store`; the sensor and the schedule both use these requests.
"""

import time
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

import dagster as dg
from dagster import DagsterInstance, RunsFilter

from guard_core.settings import Settings
from guard_pipelines.days.ranges import day_ranges
from guard_pipelines.runs import runs_in_flight
from guard_pipelines.tags import UNPROCESSED, VERDICTS_FIRST, days_of, range_tags, request_id_tag, subject_tags
from guard_store.day_state.day_state import DayState

MAX_RUNS_PER_TICK = 4
# Jobs whose runs have days too, but do not process day states.
_OTHER_JOBS = frozenset({"costs"})


@dataclass(frozen=True, slots=True)
class RunRequests:
    """The runs to request, whether days that were processed before are among theirs, and why other days with unprocessed rows wait."""

    requests: Sequence[dg.RunRequest]
    waiting: str
    with_due_again: bool = False


def request_days(
    due: Sequence[DayState], instance: DagsterInstance, settings: Settings, *, with_due_again: bool = True
) -> RunRequests:
    """Request runs of the due days that no run in flight covers.

    Parameters
    ----------
    with_due_again : whether days that were processed before may run. They run together, in one range that bridges their gaps,
        as far as `days_per_run` allows; they wait while a run in flight has days of that range.
    """
    running = days_in_flight(instance)
    free = [item for item in due if item.day not in running]
    resting = [] if with_due_again else [item for item in free if item.is_due_again]
    items = [item for item in free if with_due_again or not item.is_due_again]
    requests, not_due = _request_ranges(items, running, instance, settings)
    reasons = [f"{len(due) - len(free)} model-days are being run"] if len(free) < len(due) else []
    reasons += [f"{len(resting)} model-days that were processed before rest"] if resting else []
    reasons += [f"{not_due} ranges of days failed, and no retry of them is due"] if not_due else []
    covered = {day for request in requests for day in days_of(request.tags)}
    return RunRequests(
        requests,
        "; ".join(reasons) or "no closed day has unprocessed rows",
        any(item.is_due_again and item.day in covered for item in items),
    )


def _request_ranges(
    items: Sequence[DayState], running: AbstractSet[str], instance: DagsterInstance, settings: Settings
) -> tuple[list[dg.RunRequest], int]:
    """Request the ranges that cover the days; return also how many have failed and are not due for a retry."""
    new = {item.local_date for item in items if not item.is_due_again}
    judged = {item.local_date for item in items} - new
    longest = settings.pipelines.days_per_run
    ranges = day_ranges(new | judged, max_ranges=1 if judged else MAX_RUNS_PER_TICK, max_days=longest)
    if judged and any(_days_between(*days) & running for days in ranges):
        ranges = day_ranges(new, max_ranges=MAX_RUNS_PER_TICK, max_days=longest)
    requests, not_due = [], 0
    for first, last in ranges[:MAX_RUNS_PER_TICK]:
        of_range = [item for item in items if first <= item.local_date <= last]
        request = _request(first, last, of_range, instance, settings)
        requests += [request] if request else []
        not_due += request is None
    return requests, not_due


def days_in_flight(instance: DagsterInstance) -> set[str]:
    """Return the days of runs in flight of jobs that process day states.

    Backfills and runs by hand count once they have started: in the queue they have a lower priority, so they hold no day back.
    """
    runs = (run for run in runs_in_flight(instance) if run.job_name not in _OTHER_JOBS)
    counted = (run for run in runs if run.status != dg.DagsterRunStatus.QUEUED or UNPROCESSED in run.tags)
    return {day for run in counted for day in days_of(run.tags)}


def digest_of(items: Collection[DayState]) -> str:
    """Return a digest of day states; the same days with the same changes and failures have the same digest."""
    lines = sorted(f"{item.key!r} {item.changes} {item.attempts}" for item in items)
    return sha256("\n".join(lines).encode()).hexdigest()[:32]


def _request(
    first: date, last: date, items: Sequence[DayState], instance: DagsterInstance, settings: Settings
) -> dg.RunRequest | None:
    """Request a run of a range; None if runs of the same changes have ended and it is not time for another one."""
    digest = digest_of(items)
    before = instance.get_run_records(RunsFilter(tags={UNPROCESSED: digest}), limit=settings.pipelines.retries + 1)
    if before and not _may_repeat(len(before), before[0].end_time, settings):
        return None
    return dg.RunRequest(
        run_key=f"{digest}/{len(before)}",
        tags={
            **range_tags(first.isoformat(), last.isoformat()),
            **VERDICTS_FIRST,
            UNPROCESSED: digest,
            **request_id_tag([item.request_id for item in items]),
            **subject_tags([item.key[:2] for item in items], [first.isoformat(), last.isoformat()]),
        },
    )


def _days_between(first: date, last: date) -> set[str]:
    return set(days_of(range_tags(first.isoformat(), last.isoformat())))


def _may_repeat(runs: int, ended_s: float | None, settings: Settings) -> bool:
    # A run that failed as a whole (killed, database away) has left its days unprocessed: they are tried again, with a limit.
    wait_s = settings.pipelines.retry_delay_s * 2 ** (runs - 1)
    return runs <= settings.pipelines.retries and ended_s is not None and ended_s + wait_s <= time.time()
