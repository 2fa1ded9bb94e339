"""The partitions definitions: days for monitoring, models for retraining.

A key of `DAILY` is a local date, in the time zone of each project.
Dagster cuts keys in one zone, here UTC. In a zone ahead of UTC a day closes before it has ended in UTC: therefore the current day
of UTC has a partition too. Which instants a key stands for is defined by `guard_core.days`.
"""

from collections.abc import Iterable
from datetime import date

import dagster as dg


def daily_partitions(first_day: date) -> dg.DailyPartitionsDefinition:
    """Build the partitions of local days from the first one on."""
    return dg.DailyPartitionsDefinition(start_date=first_day.isoformat(), end_offset=1)


DAILY = daily_partitions(date(2013, 1, 1))
"""Partitions of the daily assets as they are declared; `partitioned_from` starts them at the first day of the settings."""

MODELS = dg.DynamicPartitionsDefinition(name="model")
"""A key is `project/model`; `retrain_sensor` adds them when a model is flagged for the first time, and removes them when it is gone."""


CHOOSE_PARTITIONS = "choose partitions: press Materialize on the asset or its job and select"
"""Beginning of the failure of a run that was launched without any: nobody is alerted, because it is shown where the run was launched."""


def require_partitions(context: dg.AssetExecutionContext, what: str) -> None:
    """Fail a run that was launched without partitions, saying how to choose them.

    Raises
    ------
    Failure
        If the run has none.
    """
    if not (context.has_partition_key or context.has_partition_key_range):
        raise dg.Failure(f"{CHOOSE_PARTITIONS} {what}.", allow_retries=False)


def key_of_model(project_id: str, model_id: str) -> str:
    """Return the partition key of a model.

    >>> key_of_model("flights", "late-arrival")
    'flights/late-arrival'
    """
    return f"{project_id}/{model_id}"


def model_of_key(key: str) -> tuple[str, str]:
    """Return the project and the model of a partition key."""
    project_id, _, model_id = key.partition("/")
    return project_id, model_id


def partitioned_from(
    first_day: date, assets: Iterable[dg.AssetsDefinition | dg.AssetSpec]
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Start the partitions of the daily assets among `assets` at the operator's first day."""
    days = daily_partitions(first_day)

    def start(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.replace_attributes(partitions_def=days) if spec.partitions_def == DAILY else spec

    return list(dg.map_asset_specs(start, assets))
