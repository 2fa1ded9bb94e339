"""Sensors that request no runs: they write facts and results of checks on failed and finished runs and on models without events, and request monthly reports."""

import dagster as dg

from guard_pipelines.jobs import assets_of, describe, retrain
from guard_pipelines.partitions import CHOOSE_PARTITIONS
from guard_pipelines.resources import Guard
from guard_pipelines.tags import days_of

_INTERVAL_S = 300
_REPORT_INTERVAL_S = 3_600


# Without `monitored_jobs`, runs of every job are seen, and of assets that a person has chosen, which belong to no job of ours.
@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts the projects whose days a failed run covered, else who runs the installation; trainings alert by their flags.",
)
def failed_runs(context: dg.RunFailureSensorContext, guard: Guard) -> None:
    """Write a fact for each project whose days a failed run covered, and report the failed days on their partitions.

    Failed trainings of flags are retried, and alerted on when their flag gives them up. The failure of a run that
    was launched without partitions says what to do, and is shown on the page where it was launched.
    """
    from guard_pipelines.alerts.failures import record_failed_run
    from guard_pipelines.monitoring.checks.failed_partitions import report_failed_days

    errors = [event.step_failure_data.error for event in context.get_step_failure_events()]
    causes = [(error.cause or error).message.strip() for error in errors if error is not None]
    run = context.dagster_run
    if run.job_name == retrain.name or any(CHOOSE_PARTITIONS in cause for cause in causes):
        return
    record_failed_run(
        guard.database,
        run_id=run.run_id,
        title=describe(run),
        assets=assets_of(run),
        days=days_of(run.tags),
        error=causes[0] if causes else context.failure_event.message or "no error was reported",
    )
    report_failed_days(context.instance, context.dagster_run, guard.database, guard.settings)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Ends the alerts on failed runs after one that covers all of their assets has succeeded.",
)
def finished_runs(context: dg.RunStatusSensorContext, guard: Guard) -> None:
    """Clear the alerts on earlier failed runs, and report failed and recovered days on their partitions.

    A run gives the all-clear for failed runs of assets that are all among its own: an asset alone does not for its job.
    """
    from guard_pipelines.alerts.failures import record_finished_run
    from guard_pipelines.monitoring.checks.failed_partitions import report_failed_days

    run = context.dagster_run
    record_finished_run(guard.database, run.run_id, assets_of(run))
    report_failed_days(context.instance, context.dagster_run, guard.database, guard.settings)


@dg.sensor(
    minimum_interval_seconds=_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts on models without events for longer than the policies of their project allow.",
)
def silent_models(guard: Guard) -> dg.SkipReason:
    """Write facts on models that had no events for longer than the policies of their project allow."""
    from guard_pipelines.alerts.failures import record_silence

    return dg.SkipReason(f"{record_silence(guard.database)} facts on models that stopped or resumed sending events")


@dg.sensor(
    minimum_interval_seconds=_REPORT_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests the monthly report of each model on the first days of the next month, if a route is set for it.",
)
def monthly_reports(guard: Guard) -> dg.SkipReason:
    """Request the reports of the month that ended last."""
    from guard_pipelines.alerts.reports import request_reports

    if guard.settings.alert.report_route is None:
        return dg.SkipReason("ML_GUARD_ALERT_REPORT_ROUTE is not set")
    return dg.SkipReason(f"{request_reports(guard.database, guard.settings)} monthly reports were requested")
