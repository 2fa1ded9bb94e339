"""Limits of events and labels, and of the queue of the writer."""

from datetime import date

from pydantic import Field

from guard_core.settings.group import Group, NotNegative, Positive


class IngestSettings(Group):
    """Group `ingest` of the settings."""

    title = "Ingestion"
    prefix = "INGEST_"

    first_day: date = Field(
        date(2013, 1, 1), description="First local day that can hold events; older ones are rejected."
    )
    future_skew_s: NotNegative = Field(300, description="Seconds by which the time of an event may be in the future.")
    max_batch_rows: Positive = Field(10_000, description="Maximum rows of a batch.")
    max_features: Positive = Field(
        10_000, description="Maximum features of an event, and maximum learned features of a model."
    )
    max_name_length: Positive = Field(128, description="Maximum characters of an id or a feature name.")
    max_value_length: Positive = Field(1024, description="Maximum characters of a feature value.")
    queue_rows: Positive = Field(
        50_000, description="Maximum rows that wait for their commit; requests beyond it are answered with 503."
    )
