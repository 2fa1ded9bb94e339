"""Limits of events and labels, and the queue before their commit."""

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
    future_skew_s: NotNegative = Field(300, description="Seconds that an event may lie in the future.")
    max_batch_rows: Positive = Field(10_000, description="Rows of a batch at most.")
    max_features: Positive = Field(512, description="Features of an event at most.")
    max_name_length: Positive = Field(128, description="Characters of an id or a feature name at most.")
    max_value_length: Positive = Field(1024, description="Characters of a feature value at most.")
    queue_rows: Positive = Field(
        50_000, description="Accepted rows that may wait for their commit; beyond it requests are answered 503."
    )
