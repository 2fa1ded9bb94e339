"""Pipelines: when days are processed, and how failures are retried."""

from pydantic import Field

from guard_core.settings.group import Group, NotNegative, Positive


class PipelinesSettings(Group):
    """Group `pipelines` of the settings."""

    title = "Pipelines"
    prefix = "PIPELINES_"

    close_delay_s: NotNegative = Field(
        300,
        description="Seconds after local midnight until a day is closed: it is processed, and later events count as late.",
    )
    interval_s: Positive = Field(
        5,
        description="Seconds between two checks of the sensors for closed days with unprocessed rows and retrain flags.",
    )
    rest_s: NotNegative = Field(
        300,
        description="Seconds that days which have been judged rest after a run of such days: late events and labels of that time are"
        " processed together. The first verdict of a day never waits.",
    )
    days_per_run: Positive = Field(400, description="Maximum days of one pipeline run.")
    retries: NotNegative = Field(3, description="Retries of a failed project-day before it waits for new rows.")
    retry_delay_s: NotNegative = Field(
        60, description="Seconds before a failed project-day is retried, doubled each time."
    )
    retrain_retries: NotNegative = Field(
        2, description="Retries of a failed training before its flag fails and an alert is written."
    )
    retrain_retry_delay_s: NotNegative = Field(
        300, description="Seconds before a failed training is retried, doubled each time."
    )
    executor: str = Field(
        "in_process",
        # Two names of our own, or an attribute of a module.
        pattern=r"^(in_process|multiprocess|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$",
        description="What executes the steps of a run: `in_process` (one process a run), `multiprocess` (one process a step), or an executor"
        " of Dagster to import, as `package.module:name` (for example `dagster_k8s:k8s_job_executor`).",
    )
    warm_runs: bool = Field(
        default=True,
        description="Whether pipeline runs are forked from a process with all imports done (about 300 MB); Linux only.",
    )
