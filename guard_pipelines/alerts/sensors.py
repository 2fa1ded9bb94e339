"""Sensors that ask for nothing: they see runs that failed as a whole, and models that have fallen silent, for alerts."""

import dagster as dg

from guard_pipelines.jobs import daily, retention
from guard_pipelines.resources import Guard
from guard_pipelines.tags import days_of

_LOOK_S = 300


# Failed trainings are the flags' matter: they are tried again, and told when they are given up.
@dg.run_failure_sensor(
    monitored_jobs=[daily, retention],
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells the projects that a failed run of daily or retention was to serve.",
)
def failed_runs(context: dg.RunFailureSensorContext, guard: Guard) -> None:
    """Writes down which projects a failed run was to serve."""
    from guard_pipelines.alerts.failures import record_failed_run

    errors = [event.step_failure_data.error for event in context.get_step_failure_events()]
    causes = [(error.cause or error).message.strip() for error in errors if error is not None]
    run = context.dagster_run
    record_failed_run(
        guard.database,
        run_id=run.run_id,
        job=run.job_name,
        days=days_of(run.tags),
        error=causes[0] if causes else context.failure_event.message or "without a word",
    )


@dg.sensor(
    minimum_interval_seconds=_LOOK_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks for models without events for longer than the policies of their project allow.",
)
def silent_models(guard: Guard) -> dg.SkipReason:
    """Looks for models that have had no events for longer than their project's policies allow."""
    from guard_pipelines.alerts.failures import record_silence

    return dg.SkipReason(f"{record_silence(guard.database)} models have fallen silent or speak again")
