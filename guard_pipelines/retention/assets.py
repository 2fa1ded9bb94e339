"""Assets: delete what is older than the settings allow, and files of the lake that nothing can request any more."""

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
    description="Deletes Dagster's runs, with their logs, that are older than ML_GUARD_RETENTION_RUN_DAYS or more than"
    " ML_GUARD_RETENTION_RUNS; the newest run of each job and the newest materialisation of each partition stay.",
)
def run_retention(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """Delete old runs of this instance."""
    from guard_pipelines.retention.run_history import sweep_runs

    return dg.MaterializeResult(metadata={"runs_deleted": sweep_runs(context.instance, guard.settings)})


@dg.asset(
    group_name="governance",
    deps=[audit_retention],
    description="Deletes files of the lake that no version of the last week needs and no training has read: the remains of replaced and"
    " deleted days, and of killed runs.",
)
def lake_upkeep(guard: Guard) -> dg.MaterializeResult[None]:
    """Vacuum all tables; one that fails stops no other, but fails the run at the end."""
    from guard_store.lake.vacuum import vacuum_lake

    vacuum = vacuum_lake(guard.database, guard.lake, guard.settings)
    if vacuum.failed:
        raise dg.Failure(f"{len(vacuum.failed)} tables could not be vacuumed", metadata={"tables": dict(vacuum.failed)})
    return dg.MaterializeResult(
        metadata={
            "tables": vacuum.tables,
            "files_before": vacuum.files,
            "bytes_before": vacuum.size_bytes,
            "files_deleted": vacuum.deleted_files,
            "bytes_deleted": vacuum.deleted_bytes,
            "versions_kept": vacuum.kept_versions,
        }
    )
