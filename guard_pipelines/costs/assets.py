"""Assets: the costs of each local day at AWS and in calls of language models, and the alerts on them."""

import dagster as dg

from guard_pipelines.days.assets import daily_asset
from guard_pipelines.days.loop import Scope
from guard_pipelines.resources import Guard

_GROUP = "costs"


@daily_asset(group=_GROUP, kinds={"aws"}, freshness=None)
def aws_costs(scope: Scope, guard: Guard) -> dg.MaterializeResult[None]:
    """AWS Cost Explorer's figures by service and tag; a day without an answer is stored with the reason, and nothing fails."""
    from guard_pipelines.costs.stage import read_aws

    if not guard.settings.aws.costs:
        return dg.MaterializeResult(metadata={"state": "off: ML_GUARD_AWS_COSTS is not set"})
    outcome = read_aws(scope, guard.database, guard.settings)
    return dg.MaterializeResult(metadata={**outcome.numbers(), "costs": dg.MetadataValue.md(outcome.table())})


@daily_asset(group=_GROUP, kinds={"sql"})
def llm_costs(scope: Scope, guard: Guard) -> dg.MaterializeResult[None]:
    """What calls of language models have cost, by project and model, as usage was settled."""
    from guard_pipelines.costs.stage import sum_usage

    outcome = sum_usage(scope, guard.database)
    return dg.MaterializeResult(metadata={**outcome.numbers(), "costs": dg.MetadataValue.md(outcome.table())})


@daily_asset(group=_GROUP, kinds={"python"}, deps=[aws_costs, llm_costs], freshness=None)
def cost_alerts(scope: Scope, guard: Guard) -> dg.MaterializeResult[None]:
    """The alert policies on the newest day of each bill, as facts, of which the server makes messages."""
    from guard_pipelines.alerts.costs import evaluate_cost_policies

    written, failed = evaluate_cost_policies(guard.database, scope.run_id, scope.days)
    return dg.MaterializeResult(metadata={"facts": written, "failed": failed})
