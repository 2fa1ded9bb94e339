"""Upkeep of the lake: files that nothing can ask for any more go, each night."""

import dagster as dg

from guard_pipelines.resources import Guard
from guard_pipelines.retention.audit_retention import audit_retention


@dg.asset(
    group_name="governance",
    deps=[audit_retention],
    description="Deletes files of the lake that no version of the last week needs and no training has read: what replaced and"
    " forgotten days, and runs that were killed, leave behind.",
)
def lake_upkeep(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """Tidy all tables; one that fails stops no other, and then the run."""
    from guard_pipelines.alerts.failures import note_finished_run
    from guard_store.lake.vacuum import vacuum_lake

    done = vacuum_lake(guard.database, guard.lake, guard.settings)
    if done.failed:
        raise dg.Failure(f"{len(done.failed)} tables could not be tidied", metadata={"tables": dict(done.failed)})
    note_finished_run(guard.database, context.run.run_id, "retention")
    return dg.MaterializeResult(
        metadata={
            "tables": done.tables,
            "files_before": done.files,
            "bytes_before": done.size_bytes,
            "files_deleted": done.deleted_files,
            "bytes_deleted": done.deleted_bytes,
            "versions_kept": done.kept_versions,
        }
    )
