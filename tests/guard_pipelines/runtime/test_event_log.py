"""Events in batches: Dagster's private API is as the class expects it, and what is stored is what Dagster stores one by one."""

import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from guard_pipelines.runtime.event_log import BatchedSqliteEventLogStorage

PARAMETERS = {
    "store_event": ["event"],
    "prepare_insert_event_batch": ["events"],
    "run_connection": ["run_id"],
    "index_transaction": [],
    "_store_asset_event_tags": ["conn", "events", "event_ids"],
    "_store_asset_event": ["conn", "event", "event_id"],
}
DAYS = dg.DailyPartitionsDefinition(start_date="2013-01-01", end_date="2013-02-01")
N_DAYS = 31
SAMPLE = dg.AssetKey("sample")


def run_days(instance: DagsterInstance) -> str:
    """Materialise all days in one run; return its id."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=dg.BetaWarning, message="Parameter `backfill_policy`")

        @dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
        def sample(context: dg.AssetExecutionContext) -> None:
            for day in context.partition_keys:
                context.add_asset_metadata({"day": day}, partition_key=day)

    tags = {"dagster/asset_partition_range_start": "2013-01-01", "dagster/asset_partition_range_end": "2013-01-31"}
    return dg.materialize([sample], instance=instance, tags=tags).run_id


def stored(instance: DagsterInstance, run_id: str) -> dict[str, Any]:
    """Return what the log answers about the asset and the run, without ids and times."""
    log = instance.event_log_storage
    kinds = [record.event_log_entry.dagster_event_type for record in log.get_records_for_run(run_id).records]
    (asset,) = log.get_asset_records([SAMPLE])
    newest = asset.asset_entry.last_materialization
    assert newest is not None
    assert newest.asset_materialization is not None
    records = log.fetch_materializations(SAMPLE, limit=100).records
    return {
        "events": {kind: kinds.count(kind) for kind in kinds},
        "partitions": log.get_materialized_partitions(SAMPLE),
        "newest": (newest.run_id == run_id, newest.asset_materialization.partition),
        "metadata": [(record.partition_key, _metadata(record)) for record in records],
        "tags": sorted(sorted(tags) for tags in log.get_event_tags_for_asset(SAMPLE)),
    }


def _metadata(record: dg.EventLogRecord) -> Mapping[str, object]:
    assert record.asset_materialization is not None
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def test_the_private_methods_have_the_parameters_that_the_class_passes() -> None:
    found = {name: list(inspect.signature(getattr(SqliteEventLogStorage, name)).parameters)[1:] for name in PARAMETERS}
    assert found == PARAMETERS
    for name in ("store_event_batch", "config_type", "from_config_value"):
        ours, theirs = getattr(BatchedSqliteEventLogStorage, name), getattr(SqliteEventLogStorage, name)
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)


def test_a_range_of_partitions_is_stored_in_batches_and_reads_as_if_stored_one_by_one(
    kept_instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    prepare = BatchedSqliteEventLogStorage.prepare_insert_event_batch

    def counting(self: BatchedSqliteEventLogStorage, events: Sequence[EventLogEntry]) -> Any:
        batches.append(len(events))
        return prepare(self, events)

    monkeypatch.setattr(BatchedSqliteEventLogStorage, "prepare_insert_event_batch", counting)
    in_batches = stored(kept_instance, run_days(kept_instance))
    assert max(batches) == N_DAYS
    assert len(in_batches["partitions"]) == N_DAYS

    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")
    with DagsterInstance.local_temp() as one_by_one:
        assert type(one_by_one.event_log_storage) is not BatchedSqliteEventLogStorage
        assert stored(one_by_one, run_days(one_by_one)) == in_batches
