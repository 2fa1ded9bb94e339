"""The partitions definitions: days for monitoring, models for retraining.

A key of `DAILY` is a local date, whichever zone a project lives in.
Keys are cut in UTC only because Dagster wants one zone; projects ahead of UTC close a day while it still runs there, hence
the day that is not over yet. Which instants a key stands for is said by `guard_core.days`.
"""

import dagster as dg

from guard_core.settings import load_settings

DAILY = dg.DailyPartitionsDefinition(start_date=load_settings().ingest.first_day.isoformat(), end_offset=1)

MODELS = dg.DynamicPartitionsDefinition(name="model")
"""A key is `project/model`; `retrain_sensor` adds them when a model is flagged for the first time."""


def key_of_model(project_id: str, model_id: str) -> str:
    """The partition key of a model.

    >>> key_of_model("flights", "late-arrival")
    'flights/late-arrival'
    """
    return f"{project_id}/{model_id}"


def model_of_key(key: str) -> tuple[str, str]:
    """Project and model of a partition key."""
    project_id, _, model_id = key.partition("/")
    return project_id, model_id
