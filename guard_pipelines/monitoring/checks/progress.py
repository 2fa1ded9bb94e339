"""Checks on the pipeline itself: whether the days of the run and the newest due day are processed, and what has drifted.

A failed day is an error of its project and blocks no other; drift is a finding, not a failure.
"""

import dagster as dg

from guard_pipelines.monitoring.assets import drift_reports
from guard_pipelines.resources import Guard
from guard_pipelines.retraining.assets import retrain_recommended
from guard_pipelines.tags import days_of


@dg.asset_check(asset=retrain_recommended)
def days_processed(context: dg.AssetCheckExecutionContext, guard: Guard) -> dg.AssetCheckResult:
    """No project's day of the run has failed."""
    from guard_pipelines.days.findings import check_result
    from guard_pipelines.monitoring.checks.unfinished import failed_days

    return check_result(failed_days(guard.database, days_of(context.run.tags)), dg.AssetCheckSeverity.ERROR)


@dg.asset_check(asset=retrain_recommended)
def latest_due_day(guard: Guard) -> dg.AssetCheckResult:
    """The newest closed day with events of each model is done: a backfill of old days does not hide a new one."""
    from guard_pipelines.days.findings import check_result
    from guard_pipelines.monitoring.checks.unfinished import overdue_days

    return check_result(overdue_days(guard.database, guard.settings), dg.AssetCheckSeverity.WARN)


@dg.asset_check(asset=drift_reports)
def drift(context: dg.AssetCheckExecutionContext, guard: Guard) -> dg.AssetCheckResult:
    """No model has drifted on the days of the run."""
    from guard_pipelines.days.findings import check_result
    from guard_pipelines.monitoring.checks.unfinished import drifted_days

    return check_result(drifted_days(guard.database, days_of(context.run.tags)), dg.AssetCheckSeverity.WARN)
