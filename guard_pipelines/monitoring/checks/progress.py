"""Checks on the pipeline itself: whether closed days and the newest due day are processed, and what has drifted.

A failed day is an error of its project and blocks no other; drift is a finding, not a failure.
"""

import warnings
from datetime import date

import dagster as dg

from guard_pipelines.monitoring.assets import drift_reports
from guard_pipelines.partitions import daily_partitions
from guard_pipelines.resources import Guard
from guard_pipelines.retraining.assets import retrain_recommended
from guard_pipelines.runtime.check_partitions import DAY_PROCESSED
from guard_pipelines.tags import days_of


@dg.asset_check(asset=retrain_recommended)
def days_processed(guard: Guard) -> dg.AssetCheckResult:
    """No day of the store has failed: an error if one is given up, a warning if all of them are retried."""
    from guard_pipelines.days.findings import check_result
    from guard_pipelines.monitoring.checks.unfinished import inspect_failures

    inspection, is_given_up = inspect_failures(guard.database, guard.settings)
    severity = dg.AssetCheckSeverity.ERROR if is_given_up else dg.AssetCheckSeverity.WARN
    return check_result(inspection, severity, ())


def day_processed(first_day: date) -> dg.AssetChecksDefinition:
    """Build the check of a day's partition, whose results the sensors on ended runs report: `failed_partitions`."""
    with warnings.catch_warnings():
        # The lock file keeps the version of Dagster that was tested.
        warnings.filterwarnings("ignore", category=dg.PreviewWarning, message=".*partitions_def")

        @dg.asset_check(asset=retrain_recommended, name=DAY_PROCESSED.name, partitions_def=daily_partitions(first_day))
        def check(context: dg.AssetCheckExecutionContext, guard: Guard) -> dg.AssetCheckResult:
            """The day has not failed in any model: an error if it is given up in one, a warning while it is retried.

            A day has a result once it has failed; it passes when it is processed.
            """
            from guard_pipelines.days.findings import check_result
            from guard_pipelines.monitoring.checks.unfinished import inspect_failures_of

            days = days_of(context.run.tags)
            inspection, is_given_up = inspect_failures_of(guard.database, guard.settings, days)
            severity = dg.AssetCheckSeverity.ERROR if is_given_up else dg.AssetCheckSeverity.WARN
            return check_result(inspection, severity, days)

    return check


@dg.asset_check(asset=retrain_recommended)
def latest_due_day(guard: Guard) -> dg.AssetCheckResult:
    """The newest closed day with events of each model is done: a backfill of old days does not hide a new one."""
    from guard_pipelines.days.findings import check_result
    from guard_pipelines.monitoring.checks.unfinished import inspect_newest_days

    return check_result(inspect_newest_days(guard.database, guard.settings), dg.AssetCheckSeverity.WARN, ())


@dg.asset_check(asset=drift_reports)
def drift(context: dg.AssetCheckExecutionContext, guard: Guard) -> dg.AssetCheckResult:
    """No model has drifted on the days of the run; without partitions, on the newest closed days."""
    from guard_pipelines.days.findings import check_result, inspect_days
    from guard_pipelines.monitoring.checks.unfinished import inspect_drift
    from guard_pipelines.monitoring.checks.worst_columns import tabulate_worst_columns

    days, inspections = inspect_days(
        context.run.tags, guard.database, guard.settings, lambda days: {"drift": inspect_drift(guard.database, days)}
    )
    tables = tabulate_worst_columns(guard.database, days)
    return check_result(inspections["drift"], dg.AssetCheckSeverity.WARN, days, tables)
