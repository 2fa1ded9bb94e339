"""Assets: what each local day has cost at AWS, and in calls of language models; and who is to be told."""

import dagster as dg

from guard_pipelines.days.freshness import DAILY_FRESHNESS
from guard_pipelines.partitions import DAILY
from guard_pipelines.resources import Guard
from guard_pipelines.tags import NEWS


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="costs",
    kinds={"aws"},
)
def aws_costs(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """AWS Cost Explorer's figures by service and tag; days without an answer say so, and nothing fails."""
    from guard_pipelines.costs.stage import read_aws
    from guard_pipelines.days.loop import Scope

    if not guard.settings.aws.costs:
        return dg.MaterializeResult(metadata={"state": "off: ML_GUARD_AWS_COSTS is not set"})
    scope = Scope(context.partition_keys, NEWS in context.run.tags, context.run.run_id)
    outcome = read_aws(scope, guard.database, guard.settings)
    return dg.MaterializeResult(metadata={**outcome.numbers(), "costs": dg.MetadataValue.md(outcome.table())})


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    freshness_policy=DAILY_FRESHNESS,
    group_name="costs",
    kinds={"sql"},
)
def llm_costs(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """What calls of language models have cost, by project and model, as usage was settled."""
    from guard_pipelines.costs.stage import sum_usage
    from guard_pipelines.days.loop import Scope

    scope = Scope(context.partition_keys, NEWS in context.run.tags, context.run.run_id)
    outcome = sum_usage(scope, guard.database)
    return dg.MaterializeResult(metadata={**outcome.numbers(), "costs": dg.MetadataValue.md(outcome.table())})


@dg.asset(
    deps=[aws_costs, llm_costs],
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="costs",
    kinds={"python"},
)
def cost_alerts(context: dg.AssetExecutionContext, guard: Guard) -> dg.MaterializeResult[None]:
    """The alert policies on the newest day of each bill, as facts; the server makes messages of them."""
    from guard_pipelines.alerts.costs import look_at_costs

    written, failed = look_at_costs(guard.database, context.run.run_id, context.partition_keys)
    return dg.MaterializeResult(metadata={"facts": written, "failed": failed})
