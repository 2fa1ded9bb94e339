"""When days are processed, and how often a failure is tried again."""

from pydantic import Field

from guard_core.settings.group import Group, NotNegative, Positive


class PipelinesSettings(Group):
    """Group `pipelines` of the settings."""

    title = "Pipelines"
    prefix = "PIPELINES_"

    close_delay_s: NotNegative = Field(
        300, description="Seconds after local midnight until a day is closed: processed, later events counted as late."
    )
    interval_s: Positive = Field(
        5, description="Seconds between two looks of the sensors for closed days with news and for retrain flags."
    )
    days_per_run: Positive = Field(400, description="Days of one pipeline run at most.")
    retries: NotNegative = Field(3, description="Retries of a failed project-day before it waits for new news.")
    retry_delay_s: NotNegative = Field(
        60, description="Seconds before a failed project-day is tried again, doubled each time."
    )
    retrain_retries: NotNegative = Field(
        2, description="Retries of a failed training before its flag is given up and an alert is written."
    )
    retrain_retry_delay_s: NotNegative = Field(
        300, description="Seconds before a failed training is tried again, doubled each time."
    )
    warm_runs: bool = Field(
        default=True,
        description="Whether pipeline runs start in a process that has imported everything (some 300 MB), on Linux.",
    )
