"""Asset: the local day's events in the lake."""

import dagster as dg

from guard_pipelines.days.freshness import DAILY_FRESHNESS
from guard_pipelines.partitions import DAILY
from guard_pipelines.resources import Guard
from guard_pipelines.tags import NEWS


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    freshness_policy=DAILY_FRESHNESS,
    group_name="monitoring",
    kinds={"deltalake"},
)
def raw_events(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """Events of each project's local day, one Delta table per (project, model), a column per feature."""
    from guard_pipelines.days.loop import Scope
    from guard_pipelines.monitoring.stages.lake import store_events

    scope = Scope(context.partition_keys, NEWS in context.run.tags, context.run.run_id)
    outcome = store_events(scope, guard.database, guard.lake, guard.settings)
    for day in outcome.facts:
        context.add_asset_metadata({"rows": dg.MetadataValue.md(outcome.table(day))}, partition_key=day)
    return dg.MaterializeResult(metadata={**outcome.numbers(), "models": dg.MetadataValue.md(outcome.table())})
