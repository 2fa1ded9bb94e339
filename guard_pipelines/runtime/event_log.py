"""Dagster's SQLite event log, with a range of partitions written as one transaction instead of one per event.

Dagster writes batches on PostgreSQL only; on SQLite the 2,190 events of a year of three assets take half a minute of CPU.
In use where `dagster.yaml` names this class; files and tables are Dagster's own.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from dagster import DagsterEventType, StringSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData

from guard_pipelines.runtime.compressed_events import compress_events

_BATCH_EVENTS = 500
_ASSET_EVENTS = (DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_MATERIALIZATION_PLANNED)


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """Event log that stores the events of many partitions together, in the run's file and in the index of all assets."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Return the schema of the configuration: `home`, the folder of Dagster's own SQLite files (DAGSTER_HOME)."""
        return {"home": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Build the storage from `dagster.yaml`, and let this process send events in batches."""
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(_BATCH_EVENTS))
        compress_events()
        return cls(base_dir=str(Path(config_value["home"]) / "history" / "runs"), inst_data=inst_data)

    def _store_asset_check_evaluation_planned(self, event: EventLogEntry, event_id: int | None) -> None:
        """Plan one evaluation a check and run, as there is one; Dagster would plan one for each day, and resolve none of them."""
        planned = event.get_dagster_event()
        key = planned.asset_check_planned_data.asset_check_key
        whole = planned._replace(
            event_specific_data=AssetCheckEvaluationPlanned(asset_key=key.asset_key, check_name=key.name)
        )
        super()._store_asset_check_evaluation_planned(event._replace(dagster_event=whole), event_id)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run; its materialisations, planned and done, in one batch."""
        of_assets = [event for event in events if event.dagster_event_type in _ASSET_EVENTS]
        if of_assets:
            insert = self.prepare_insert_event_batch(of_assets)
            with self.run_connection(of_assets[0].run_id) as connection:
                connection.execute(insert)
            with self.index_transaction() as connection:
                ids = sorted(connection.execute(insert.returning(SqlEventLogStorageTable.c.id)).scalars())
                self._store_asset_event_tags(connection, of_assets, ids)
                # An asset's row holds its last event.
                last = {event.get_dagster_event().asset_key: place for place, event in enumerate(of_assets)}
                for place in last.values():
                    self._store_asset_event(connection, of_assets[place], ids[place])
        for event in events:
            if event.dagster_event_type not in _ASSET_EVENTS:
                self.store_event(event)
