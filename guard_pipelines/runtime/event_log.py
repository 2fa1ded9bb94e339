"""Dagster's SQLite event log, with a range of partitions written as one transaction instead of one per event.

Dagster writes batches on PostgreSQL only; on SQLite the 2,190 events of a year of three assets take half a minute of CPU.
In use where `dagster.yaml` names this class; files and tables are Dagster's own.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from dagster import DagsterEventType, DagsterInstance, Field, StringSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData

from guard_pipelines.runtime.check_partitions import DAY_PROCESSED
from guard_pipelines.runtime.compressed_events import compress_events

_BATCH_EVENTS = 500
_ASSET_EVENTS = (DagsterEventType.ASSET_MATERIALIZATION, DagsterEventType.ASSET_MATERIALIZATION_PLANNED)


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """Event log that stores the events of many partitions together, in the run's file and in the index of all assets.

    Its files are beside those of the instance that it belongs to: of DAGSTER_HOME, or of the temporary folder that Dagster's
    commands make without it. Until the instance registers itself, the storage has no folder and opens no file.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None, home: str | None = None) -> None:
        self._inst_data = inst_data
        if home is not None:
            self._open(home)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Return the schema of the configuration: `home`, a folder other than the one of the instance."""
        return {"home": Field(StringSource, is_required=False)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Build the storage from `dagster.yaml`, and let this process send events in batches."""
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(_BATCH_EVENTS))
        compress_events()
        return cls(inst_data, config_value.get("home"))

    def register_instance(self, instance: DagsterInstance) -> None:
        """Open the files of the instance, unless `home` names others."""
        if not hasattr(self, "_base_dir"):
            self._open(instance.root_directory)
        super().register_instance(instance)  # after it: opening forgets the instance

    def _open(self, home: str) -> None:
        super().__init__(str(Path(home) / "history" / "runs"), self._inst_data)

    def _store_asset_check_evaluation_planned(self, event: EventLogEntry, event_id: int | None) -> None:
        """Plan one evaluation a check and run, as there is one; Dagster would plan one for each day, and resolve none of them."""
        planned = event.get_dagster_event()
        key = planned.asset_check_planned_data.asset_check_key
        if key == DAY_PROCESSED:
            return
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
