"""Asset: the local day's profiles and metrics."""

import dagster as dg

from guard_pipelines.days.freshness import DAILY_FRESHNESS
from guard_pipelines.monitoring.raw_events import raw_events
from guard_pipelines.partitions import DAILY
from guard_pipelines.resources import Guard
from guard_pipelines.tags import NEWS


@dg.asset(
    deps=[raw_events],
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    freshness_policy=DAILY_FRESHNESS,
    group_name="monitoring",
    kinds={"arrow"},
)
def daily_aggregates(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """Profile and metrics of each model's day: whole, and by endpoint, model version and segment."""
    from guard_pipelines.days.loop import Scope
    from guard_pipelines.monitoring.stages.profile import profile_days

    scope = Scope(context.partition_keys, NEWS in context.run.tags, context.run.run_id)
    outcome = profile_days(scope, guard.database, guard.lake, guard.settings)
    for day in outcome.facts:
        context.add_asset_metadata({"slices": dg.MetadataValue.md(outcome.table(day))}, partition_key=day)
    return dg.MaterializeResult(metadata={**outcome.numbers(), "models": dg.MetadataValue.md(outcome.table())})
