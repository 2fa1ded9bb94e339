"""Writes the history of days and trainings into a Dagster storage that lacks it, from our own database.

`ml-guard dagster resync` runs this module as a process of its own. Runs, their logs and results of checks cannot be restored.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster import DagsterInstance

from guard_core.settings import Settings, load_settings
from guard_pipelines.days.numbers import DayNumbers
from guard_pipelines.monitoring import day_numbers
from guard_pipelines.partitions import MODELS, key_of_model
from guard_pipelines.retraining.model_partitions import partitions_without_model
from guard_pipelines.retraining.training_metadata import metadata_of
from guard_pipelines.runtime.runless_events import report_materialisations
from guard_store.costs.store import CostStore
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore, Stage
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.projects.store import ProjectStore
from guard_store.retraining.flags import FlagStore
from guard_store.retraining.training_runs import TrainingRunStore

_STAGES: Mapping[str, Stage | None] = {
    "raw_events": "lake",
    "daily_aggregates": "profile",
    "drift_reports": "drift",
    "performance": "performance",
    "retrain_recommended": "retrain",
    "alerts": None,
}
_NUMBERS: Mapping[str, DayNumbers] = {
    "raw_events": day_numbers.RAW_EVENTS,
    "daily_aggregates": day_numbers.DAILY_AGGREGATES,
    "drift_reports": day_numbers.DRIFT_REPORTS,
    "performance": day_numbers.PERFORMANCE,
}
_TRAINING_STEPS = {
    "training_set": ("prepared", "trained", "evaluated", "registered"),
    "candidate_model": ("trained", "evaluated", "registered"),
    "model_evaluation": ("evaluated", "registered"),
    "registered_model": ("registered",),
}
_COSTS: Mapping[str, str] = {"aws_costs": "aws", "llm_costs": "llm"}
_ORIGIN = {"origin": "ml-guard dagster resync"}
_FIRST, _LAST = "0000-01-01", "9999-12-31"
_Metadata = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resync:
    """What a resync has written: the number of materialisations by asset, the models that became partitions, and those that are none any more."""

    materialised: Mapping[str, int]
    models: Sequence[str]
    removed: Sequence[str]

    def __str__(self) -> str:
        written = sum(self.materialised.values())
        by_asset = ", ".join(f"{asset} {number}" for asset, number in self.materialised.items() if number)
        removed = f", removed {len(self.removed)} without a model" if self.removed else ""
        by_asset = f" ({by_asset})" if by_asset else ""
        return f"wrote {written} materialisations{by_asset} and {len(self.models)} model partitions{removed}"


def resync(instance: DagsterInstance, database: Database, settings: Settings) -> Resync:
    """Materialise what our database has and Dagster's storage lacks: done days, costs, trainings and models as partitions.

    Partitions that are materialised already keep what they have, so that it may be repeated, and run beside the daemon.
    """
    store = FlagStore(database)
    known = set(instance.get_dynamic_partitions(str(MODELS.name)))
    models = [key for key in (key_of_model(*model) for model in store.models()) if key not in known]
    instance.add_dynamic_partitions(str(MODELS.name), models)
    removed = partitions_without_model(instance, database)
    for partition in removed:
        instance.delete_dynamic_partition(str(MODELS.name), partition)
    written = {}
    history = {**_daily(database), **_costs(database), **_trainings(database, settings)}
    for asset, partitions in history.items():
        key = dg.AssetKey(asset)
        there = instance.get_materialized_partitions(key)
        missing = [
            dg.AssetMaterialization(key, partition=partition, metadata={**metadata, **_ORIGIN})
            for partition, metadata in partitions.items()
            if partition not in there
        ]
        report_materialisations(instance, missing)
        written[asset] = len(missing)
    return Resync(written, models, removed)


def _daily(database: Database) -> dict[str, dict[str, _Metadata]]:
    """Return the days that each stage has processed in every model, with the numbers of the day, by asset."""
    history: dict[str, dict[str, _Metadata]] = {asset: {} for asset in _STAGES}
    for day, states in _days(database):
        for asset, stage in _STAGES.items():
            if all(state.has_passed(stage) for state in states):
                # The rule and the alerts evaluate the newest day of a model only: their days have no numbers.
                history[asset][day] = _NUMBERS[asset].of_days(database, states, {})[day] if asset in _NUMBERS else {}
    return history


def _days(database: Database) -> Iterator[tuple[str, Sequence[DayState]]]:
    store = DayStateStore(database)
    for day in store.days():
        yield day, store.of_days([day])


def _costs(database: Database) -> dict[str, dict[str, _Metadata]]:
    """Return the days with figures of each source of costs, by asset."""
    history: dict[str, dict[str, _Metadata]] = {asset: {} for asset in _COSTS}
    for project_id in ProjectStore(database).ids():
        for cost_day in CostStore(database).days(project_id, _FIRST, _LAST):
            for asset, source in _COSTS.items():
                if cost_day.source == source and cost_day.reason is None:
                    history[asset][cost_day.day] = {}
    return history


def _trainings(database: Database, settings: Settings) -> dict[str, dict[str, _Metadata]]:
    """Return the newest training of each model that has reached each step, by asset."""
    history: dict[str, dict[str, _Metadata]] = {asset: {} for asset in _TRAINING_STEPS}
    store = TrainingRunStore(database)
    for model in FlagStore(database).models():
        for training in store.newest(*model, limit=1):
            for asset, states in _TRAINING_STEPS.items():
                if training.state in states:
                    history[asset][key_of_model(*model)] = metadata_of(training, settings)
    return history


def main() -> None:
    """Resync the storage of DAGSTER_HOME, and print what was written."""
    settings = load_settings()
    database = Database(settings.storage.database)
    try:
        migrate(database)
        with DagsterInstance.get() as instance:
            print(resync(instance, database, settings))  # noqa: T201 - the answer of the command
    finally:
        database.close()


if __name__ == "__main__":
    main()
