"""Asset: the local day's drift verdicts."""

import dagster as dg

from guard_pipelines.days.freshness import DAILY_FRESHNESS
from guard_pipelines.monitoring.daily_aggregates import daily_aggregates
from guard_pipelines.partitions import DAILY
from guard_pipelines.resources import Guard
from guard_pipelines.tags import NEWS


@dg.asset(
    deps=[daily_aggregates],
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    freshness_policy=DAILY_FRESHNESS,
    group_name="monitoring",
    kinds={"scipy"},
)
def drift_reports(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """Verdict on each column of each model's day against the model's active baseline."""
    from guard_pipelines.days.loop import Scope
    from guard_pipelines.monitoring.stages.drift import judge_days

    scope = Scope(context.partition_keys, NEWS in context.run.tags, context.run.run_id)
    outcome = judge_days(scope, guard.database, guard.settings)
    for day in outcome.facts:
        context.add_asset_metadata({"verdicts": dg.MetadataValue.md(outcome.table(day))}, partition_key=day)
    return dg.MaterializeResult(metadata={**outcome.numbers(), "verdicts": dg.MetadataValue.md(outcome.table())})
