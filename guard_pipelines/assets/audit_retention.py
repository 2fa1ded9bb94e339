"""The ledger without what is older than the settings allow; the server sweeps too, when it starts."""

import dagster as dg

from guard_pipelines.resources import Guard


@dg.asset(
    group_name="governance",
    description="Deletes ledger rows older than ML_GUARD_LOG_RETENTION_DAYS, behind a signed checkpoint, and inputs of"
    " research steps older than ML_GUARD_RESEARCH_RETENTION_DAYS.",
)
def audit_retention(guard: Guard) -> dg.MaterializeResult[None]:
    """Sweep once; `kept_for_ever` where the setting is unset."""
    from guard_store.ledger.retention import sweep_ledger
    from guard_store.research_retention import sweep_research

    deleted = sweep_ledger(guard.database, guard.settings)
    steps = sweep_research(guard.database, guard.settings)
    counts = {"rows_deleted": deleted or 0, "kept_for_ever": deleted is None, "research_steps_deleted": steps}
    return dg.MaterializeResult(metadata=counts)
