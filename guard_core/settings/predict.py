"""`/predict`: limits, journal, and loading of models."""

from pydantic import Field

from guard_core.settings.group import Group, Positive


class PredictSettings(Group):
    """Group `predict` of the settings."""

    title = "Predictions"
    prefix = "PREDICT_"

    max_instances: Positive = Field(10_000, description="Maximum rows of a prediction request.")
    journal_bytes: Positive = Field(
        2**30, description="Maximum bytes of predictions that wait for the database; beyond it `/predict` answers 503."
    )
    model_poll_s: Positive = Field(2, description="Seconds between two checks for a new champion.")
    trusted_types: tuple[str, ...] = Field(
        (),
        description="Names of types, beside plain data and ML Guard's own models, that a stored model may hold, as a JSON list: "
        "what models of a custom builder need is named when one is refused.",
    )
    load_unsafe_models: bool = Field(
        default=False, description="Whether models in formats that run code when loaded (pickle) may be loaded."
    )
