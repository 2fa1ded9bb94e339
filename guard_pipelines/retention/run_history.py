"""Which of Dagster's runs are deleted: those that are older, or more, than the settings allow.

How a run is deleted is in `runtime.run_history`.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import DagsterInstance, RunsFilter

from guard_core.settings import Settings
from guard_pipelines.runtime.run_history import RunDeletion

_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def sweep_runs(instance: DagsterInstance, settings: Settings, at: datetime | None = None) -> int:
    """Delete ended runs, except the newest of each job, which sensors read; return how many."""
    before = (at or datetime.now(UTC)) - timedelta(days=settings.retention.run_days)
    records = instance.get_run_records(RunsFilter(statuses=list(_ENDED)))  # newest first
    newest = {record.dagster_run.job_name: record.dagster_run.run_id for record in reversed(records)}
    outdated = [
        record.dagster_run
        for place, record in enumerate(records)
        if place >= settings.retention.runs or record.create_timestamp < before
    ]
    deletion = RunDeletion(instance)
    deleted = [run for run in outdated if run.run_id != newest[run.job_name]]
    for run in deleted:
        deletion.delete(run)
    deletion.delete_outdated()
    return len(deleted)
