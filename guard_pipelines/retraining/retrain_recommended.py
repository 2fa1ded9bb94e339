"""Asset: whether each model wants retraining, and why."""

import dagster as dg

from guard_pipelines.days.freshness import DAILY_FRESHNESS
from guard_pipelines.monitoring.performance import performance
from guard_pipelines.partitions import DAILY
from guard_pipelines.resources import Guard
from guard_pipelines.tags import NEWS


@dg.asset(
    deps=[performance],
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    freshness_policy=DAILY_FRESHNESS,
    group_name="monitoring",
    kinds={"python"},
)
def retrain_recommended(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """The retrain rule on each model's newest day: every reason with its numbers, and a flag where it says yes."""
    from guard_pipelines.days.loop import Scope
    from guard_pipelines.retraining.stage import evaluate_days

    scope = Scope(context.partition_keys, NEWS in context.run.tags, context.run.run_id)
    outcome = evaluate_days(scope, guard.database, guard.settings)
    return dg.MaterializeResult(metadata={**outcome.numbers(), "retrain": dg.MetadataValue.md(outcome.table())})
