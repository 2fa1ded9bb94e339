"""Asset: how good the local day's predictions were."""

import dagster as dg

from guard_pipelines.days.freshness import DAILY_FRESHNESS
from guard_pipelines.monitoring.drift_reports import drift_reports
from guard_pipelines.partitions import DAILY
from guard_pipelines.resources import Guard
from guard_pipelines.tags import NEWS


@dg.asset(
    deps=[drift_reports],
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    freshness_policy=DAILY_FRESHNESS,
    group_name="monitoring",
    kinds={"numpy"},
)
def performance(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """Metrics of each model's day: realised from labels, estimated from the baseline, and how far the two are apart."""
    from guard_pipelines.days.loop import Scope
    from guard_pipelines.monitoring.stages.performance import measure_days

    scope = Scope(context.partition_keys, NEWS in context.run.tags, context.run.run_id)
    outcome = measure_days(scope, guard.database, guard.lake, guard.settings)
    for day in outcome.facts:
        context.add_asset_metadata({"performance": dg.MetadataValue.md(outcome.table(day))}, partition_key=day)
    return dg.MaterializeResult(metadata={**outcome.numbers(), "performance": dg.MetadataValue.md(outcome.table())})
