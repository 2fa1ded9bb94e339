"""Assets: deletes what is older than the settings allow, and files of the lake that nothing can request any more."""

import dagster as dg

from guard_pipelines.resources import Guard


@dg.asset(
    group_name="governance",
    description="Deletes ledger rows, bodies, events with labels, days of the lake, inputs of research steps, and incidents that"
    " are older than ML_GUARD_RETENTION_LOG_, BODY_, EVENT_, LAKE_, RESEARCH_ and ALERT_DAYS; each sweep is a row of the ledger.",
)
def audit_retention(guard: Guard) -> dg.MaterializeResult[None]:
    """Sweep each kind once; what has no setting is kept for ever."""
    from guard_store.retention.alerts import sweep_alerts
    from guard_store.retention.sweeps import sweep_bodies, sweep_events, sweep_lake, sweep_ledger, sweep_research

    database, settings = guard.database, guard.settings
    deleted = {
        "rows_deleted": sweep_ledger(database, settings),
        "bodies_deleted": sweep_bodies(database, settings),
        "events_deleted": sweep_events(database, settings),
        "lake_days_deleted": sweep_lake(database, guard.lake, settings),
        "research_steps_deleted": sweep_research(database, settings),
        "incidents_deleted": sweep_alerts(database, settings),
    }
    kept = ", ".join(name.removesuffix("_deleted") for name, n in deleted.items() if n is None)
    return dg.MaterializeResult(metadata={**{name: n or 0 for name, n in deleted.items()}, "kept_for_ever": kept})


@dg.asset(
    group_name="governance",
    deps=[audit_retention],
    description="Deletes files of the lake that no version of the last week needs and no training has read: what replaced and"
    " forgotten days, and runs that were killed, leave behind.",
)
def lake_upkeep(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """Tidy all tables; one that fails stops no other, and then the run."""
    from guard_pipelines.alerts.failures import record_finished_run
    from guard_store.lake.vacuum import vacuum_lake

    done = vacuum_lake(guard.database, guard.lake, guard.settings)
    if done.failed:
        raise dg.Failure(f"{len(done.failed)} tables could not be tidied", metadata={"tables": dict(done.failed)})
    record_finished_run(guard.database, context.run.run_id, "retention")
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
