"""Checks on the day's data: number of events, unseen features, values that do not fit, nulls.

They warn and do not block: on an odd day the verdicts matter most.
"""

from collections.abc import Iterator

import dagster as dg

from guard_pipelines.monitoring.assets import daily_aggregates
from guard_pipelines.resources import Guard
from guard_pipelines.tags import days_of

_DESCRIPTIONS = {
    "volume": "Events of the day beside the same weekday of the four weeks before.",
    "unseen_features": "Features that none of the trailing 28 days had.",
    "kind_violations": "Values that do not fit the kind of their feature; they were stored as null.",
    "null_share": "Share of nulls of each feature beside its median of the trailing 28 days.",
}


@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec(name, asset=daily_aggregates, description=text) for name, text in _DESCRIPTIONS.items()]
)
def data_checks(context: dg.AssetCheckExecutionContext, guard: Guard) -> Iterator[dg.AssetCheckResult]:
    """Compare the days of the run with the weeks before them."""
    from guard_pipelines.days.findings import check_result
    from guard_pipelines.monitoring.checks.odd_days import find_odd_days

    findings = find_odd_days(guard.database, guard.settings, days_of(context.run.tags))
    for name in _DESCRIPTIONS:
        yield check_result(findings[name], dg.AssetCheckSeverity.WARN, check_name=name, asset_key=daily_aggregates.key)
