"""Checks on costs: whether AWS has answered, and days that cost unusually much or little.

They warn and do not block: costs are best effort, and an odd bill is a finding.
"""

from typing import TYPE_CHECKING

import dagster as dg

from guard_pipelines.costs.assets import aws_costs, llm_costs
from guard_pipelines.resources import Guard
from guard_pipelines.tags import days_of

if TYPE_CHECKING:
    from guard_store.costs.rows import CostSource


@dg.asset_check(asset=aws_costs)
def aws_available(context: dg.AssetCheckExecutionContext, guard: Guard) -> dg.AssetCheckResult:
    """AWS has returned the costs of the days of the run; without partitions, of the newest days that were requested."""
    from guard_pipelines.costs.stage import inspect_availability
    from guard_pipelines.days.findings import check_result

    if not guard.settings.aws.costs:
        reason = "There was nothing to look at: reading costs is off. ML_GUARD_AWS_COSTS=true reads them."
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, metadata={"reason": reason})
    days = _checked_days(context, guard, "aws")
    return check_result(inspect_availability(guard.database, days), dg.AssetCheckSeverity.WARN, days)


@dg.asset_check(asset=aws_costs, name="unusual_costs")
def unusual_aws_costs(context: dg.AssetCheckExecutionContext, guard: Guard) -> dg.AssetCheckResult:
    """No day of the run has cost much more or less at AWS than expected from the eight weeks before."""
    return _check_costs(context, guard, "aws")


@dg.asset_check(asset=llm_costs, name="unusual_costs")
def unusual_llm_costs(context: dg.AssetCheckExecutionContext, guard: Guard) -> dg.AssetCheckResult:
    """No day's calls of language models have cost much more or less than expected from the eight weeks before."""
    return _check_costs(context, guard, "llm")


def _check_costs(context: dg.AssetCheckExecutionContext, guard: Guard, source: "CostSource") -> dg.AssetCheckResult:
    from guard_pipelines.costs.stage import inspect_costs
    from guard_pipelines.days.findings import check_result

    days = _checked_days(context, guard, source)
    return check_result(inspect_costs(guard.database, source, days), dg.AssetCheckSeverity.WARN, days)


def _checked_days(context: dg.AssetCheckExecutionContext, guard: Guard, source: "CostSource") -> list[str]:
    from guard_pipelines.days.findings import newest_days
    from guard_store.costs.store import CostStore

    return days_of(context.run.tags) or newest_days(CostStore(guard.database).newest_day(source))
