"""Checks on the day's data: number of events, unseen features, values that do not fit, nulls.

They warn and do not block: on an odd day the verdicts matter most.
"""

from collections.abc import Iterator

import dagster as dg

from guard_pipelines.monitoring.assets import daily_aggregates
from guard_pipelines.resources import Guard

_DESCRIPTIONS = {
    "volume": "Events of the day beside the same weekday of the four weeks before.",
    "unseen_features": "Features that none of the trailing 28 days had.",
    "kind_violations": "Values that do not fit the kind of their feature; they were stored as null.",
    "null_share": "Share of nulls of each feature beside its median in the baseline; without one, of the trailing 28 days.",
}


@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec(name, asset=daily_aggregates, description=text) for name, text in _DESCRIPTIONS.items()],
    can_subset=True,
)
def data_checks(context: dg.AssetCheckExecutionContext, guard: Guard) -> Iterator[dg.AssetCheckResult]:
    """Compare the days of the run, or without partitions the newest closed days, with the weeks before them and with the baseline."""
    from guard_pipelines.days.findings import check_result, inspect_days
    from guard_pipelines.monitoring.checks.odd_days import find_odd_days

    days, inspections = inspect_days(
        context.run.tags,
        guard.database,
        guard.settings,
        lambda days: find_odd_days(guard.database, guard.settings, days),
    )
    for key in sorted(context.selected_asset_check_keys):
        yield check_result(
            inspections[key.name], dg.AssetCheckSeverity.WARN, days, check_name=key.name, asset_key=key.asset_key
        )
