"""Checks on costs: whether AWS has answered, and days that cost unusually much or little.

They warn and do not block: costs are best effort, and an odd bill is a finding.
"""

from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from guard_pipelines.costs.assets import aws_costs, llm_costs
from guard_pipelines.resources import Guard
from guard_pipelines.tags import days_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from guard_pipelines.days.findings import Inspection
    from guard_store.costs.rows import CostSource
    from guard_store.db.database import Database


@dg.asset_check(asset=aws_costs)
def aws_available(context: dg.AssetCheckExecutionContext, guard: Guard) -> dg.AssetCheckResult:
    """AWS has returned the costs of the days of the run; without partitions, of the newest days that were requested."""
    from guard_pipelines.costs.stage import inspect_availability

    return _check(context, guard, "aws", inspect_availability)


@dg.asset_check(asset=aws_costs, name="unusual_costs")
def unusual_aws_costs(context: dg.AssetCheckExecutionContext, guard: Guard) -> dg.AssetCheckResult:
    """No day of the run has cost much more or less at AWS than expected from the eight weeks before."""
    from guard_pipelines.costs.stage import inspect_costs

    return _check(context, guard, "aws", partial(inspect_costs, source="aws"))


@dg.asset_check(asset=llm_costs, name="unusual_costs")
def unusual_llm_costs(context: dg.AssetCheckExecutionContext, guard: Guard) -> dg.AssetCheckResult:
    """No day's calls of language models have cost much more or less than expected from the eight weeks before."""
    from guard_pipelines.costs.stage import inspect_costs

    return _check(context, guard, "llm", partial(inspect_costs, source="llm"))


def _check(
    context: dg.AssetCheckExecutionContext,
    guard: Guard,
    source: "CostSource",
    inspect: "Callable[[Database, Sequence[str]], Inspection]",
) -> dg.AssetCheckResult:
    from guard_pipelines.costs.stage import explain_unused
    from guard_pipelines.days.findings import check_result, newest_days
    from guard_store.costs.store import CostStore

    # A source that is off has no costs to look at: that is in order, unlike a source that has returned none.
    if (reason := explain_unused(source, guard.database, guard.settings)) is not None:
        return dg.AssetCheckResult(passed=True, description=reason, metadata={"reason": reason})
    days = days_of(context.run.tags) or newest_days(CostStore(guard.database).newest_day(source))
    return check_result(inspect(guard.database, days), dg.AssetCheckSeverity.WARN, days)
