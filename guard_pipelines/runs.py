"""Which runs are in flight, so that no work is requested twice and nothing waits for a dead run.

What a run is requested for is in `days.requests`, `retraining.flag_requests` and `knowledge.sensors`.
"""

import time
from collections.abc import Iterator

import dagster as dg
from dagster import DagsterInstance, DagsterRun, RunsFilter

# A run whose process died with its machine stays "started". One that has logged nothing for so long counts as dead.
# Trainings log a line every few minutes (`retraining.heartbeat`).
SILENT_AFTER_S = 1_800
_IN_FLIGHT = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def runs_in_flight(instance: DagsterInstance) -> Iterator[DagsterRun]:
    """Yield runs that are queued, or that have started and logged something within `SILENT_AFTER_S`."""
    for run in instance.get_runs(RunsFilter(statuses=list(_IN_FLIGHT))):
        if _is_alive(instance, run):
            yield run


def is_running(instance: DagsterInstance, run_id: str) -> bool:
    """Return whether a run is queued, or has started and logged something within `SILENT_AFTER_S`."""
    run = instance.get_run_by_id(run_id)
    return run is not None and run.status in _IN_FLIGHT and _is_alive(instance, run)


def _is_alive(instance: DagsterInstance, run: DagsterRun) -> bool:
    # A queued run logs nothing and is alive: the daemon starts it when its turn comes, however late, or a person cancels it.
    if run.status == dg.DagsterRunStatus.QUEUED:
        return True
    newest = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
    return not newest or time.time() - newest[0].timestamp < SILENT_AFTER_S
