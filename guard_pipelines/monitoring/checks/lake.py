"""Check: the lake holds, day by day, as many rows as the store.

The only check that blocks: profiles of a lake that lost rows would be wrong without looking wrong.
"""

import dagster as dg

from guard_pipelines.monitoring.assets import raw_events
from guard_pipelines.resources import Guard
from guard_pipelines.tags import days_of


@dg.asset_check(asset=raw_events, blocking=True)
def lake_matches_store(context: dg.AssetCheckExecutionContext, guard: Guard) -> dg.AssetCheckResult:
    """Rows of the lake beside rows of the store, for the days of the run that the lake is said to hold."""
    from guard_pipelines.days.findings import check_result
    from guard_pipelines.monitoring.stages.lake_counts import differing_counts

    findings = differing_counts(guard.database, guard.lake, days_of(context.run.tags))
    return check_result(findings, dg.AssetCheckSeverity.ERROR)
