"""Asset: what people are to be told about the local day."""

import dagster as dg

from guard_pipelines.days.freshness import DAILY_FRESHNESS
from guard_pipelines.partitions import DAILY
from guard_pipelines.resources import Guard
from guard_pipelines.retraining.retrain_recommended import retrain_recommended
from guard_pipelines.tags import NEWS


@dg.asset(
    deps=[retrain_recommended],
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    freshness_policy=DAILY_FRESHNESS,
    group_name="monitoring",
    kinds={"python"},
)
def alerts(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """The alert policies on each model's newest day, as facts; the server makes messages of them."""
    from guard_pipelines.alerts.failures import note_failed_days, note_finished_run
    from guard_pipelines.alerts.stage import evaluate_policies
    from guard_pipelines.days.loop import Scope

    scope = Scope(context.partition_keys, NEWS in context.run.tags, context.run.run_id)
    outcome = evaluate_policies(scope, guard.database)
    note_failed_days(guard.database, guard.settings, scope.run_id, scope.days)
    note_finished_run(guard.database, scope.run_id, "daily")
    return dg.MaterializeResult(metadata={**outcome.numbers(), "alerts": dg.MetadataValue.md(outcome.table())})
