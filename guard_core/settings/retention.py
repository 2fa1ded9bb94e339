"""Retention: how many days rows are kept."""

from typing import ClassVar

from pydantic import Field

from guard_core.settings.group import Group, NotNegative, Positive


class RetentionSettings(Group):
    """Group `retention` of the settings."""

    title = "Retention"
    prefix = "RETENTION_"
    also_read: ClassVar = {"log_days": "LOG_RETENTION_DAYS"}

    log_days: Positive | None = Field(
        None,
        description="Days that rows of the audit ledger are kept; also read from `LOG_RETENTION_DAYS`. Unset: for ever.",
    )
    body_days: Positive | None = Field(
        None, description="Days that bodies of calls are kept. Unset: as long as their rows of the ledger."
    )
    event_days: Positive | None = Field(
        None,
        description="Days that events and labels stay in the database once they are in the lake; older ones are"
        " rejected on arrival. Unset: for ever.",
    )
    lake_days: Positive | None = Field(
        None, description="Days that the lake keeps rows of events; results computed from them stay. Unset: for ever."
    )
    alert_days: Positive | None = Field(
        None,
        description="Days that alerts and their messages are kept after the end of their incident. Unset: for ever.",
    )
    run_days: Positive = Field(
        30,
        description="Days that Dagster's runs and their logs are kept; the newest run of each job stays, as do partitions.",
    )
    runs: Positive = Field(
        1_000,
        description="How many of Dagster's newest runs are kept, however young they are; each takes about 0.3 MB.",
    )
    research_days: NotNegative = Field(
        30, description="Days that the inputs of research steps are kept for replays; 0: they are not kept."
    )
