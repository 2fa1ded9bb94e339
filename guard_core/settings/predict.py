"""Limits of `/predict`, its journal, and how models are loaded."""

from pydantic import Field

from guard_core.settings.group import Group, Positive


class PredictSettings(Group):
    """Group `predict` of the settings."""

    title = "Predictions"
    prefix = "PREDICT_"

    max_instances: Positive = Field(10_000, description="Rows of a prediction request at most.")
    journal_bytes: Positive = Field(
        2**30, description="Bytes of predictions that may wait for the database; beyond it /predict is answered 503."
    )
    model_poll_s: Positive = Field(2, description="Seconds between two looks for a moved champion.")
    load_unsafe_models: bool = Field(
        default=False, description="Whether models in formats that run code when loaded (pickle) may be loaded."
    )
