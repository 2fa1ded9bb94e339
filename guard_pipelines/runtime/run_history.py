"""Deletion of runs without their newest materialisations: Dagster's public `delete_run` takes those too, and partitions lose their colour.

Which runs are deleted is in `retention.run_history`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterEventType, DagsterInstance
from dagster._core.storage.event_log.schema import AssetEventTagsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from sqlalchemy import Connection, Select, delete, func, select

_MATERIALISATION = DagsterEventType.ASSET_MATERIALIZATION.value
_PIECE_IDS = 500


class RunDeletion:
    """Deletes runs of one instance with their logs, but not the newest materialisation of each partition of an asset."""

    def __init__(self, instance: DagsterInstance) -> None:
        storage = instance.event_log_storage
        if not isinstance(storage, SqlEventLogStorage):
            raise TypeError(f"runs in {type(storage).__name__} cannot be deleted: it is no SQL storage")
        self._instance = instance
        self._storage = storage
        self._newest = self._newest_materialisations()

    def delete(self, run: dg.DagsterRun) -> None:
        """Delete a run that has ended: its log first, so that one that is interrupted is deleted by the next call."""
        run_id = run.run_id
        events = SqlEventLogStorageTable.c
        with self._storage.index_connection() as connection:
            ids = connection.execute(select(events.id).where(events.run_id == run_id)).scalars().all()
            self._delete_events(connection, [number for number in ids if number not in self._newest])
        self._storage.free_concurrency_slots_for_run(run_id)
        if isinstance(self._storage, SqliteEventLogStorage):
            _remove(Path(self._storage.path_for_shard(run_id) + suffix) for suffix in ("", "-wal", "-shm", "-journal"))
        self._instance.compute_log_manager.delete_logs(prefix=[run_id])
        self._instance.run_storage.delete_run(run_id)

    def delete_outdated(self) -> None:
        """Delete materialisations that runs of earlier deletions have left, once there are newer ones."""
        events = SqlEventLogStorageTable.c
        outdated = select(events.id, events.run_id).where(
            events.dagster_event_type == _MATERIALISATION, events.run_id != "", events.id.not_in(self._newest_ids())
        )
        with self._storage.index_connection() as connection:
            rows = connection.execute(outdated).all()
            existing = {run_id for run_id in {row.run_id for row in rows} if self._instance.has_run(run_id)}
            self._delete_events(connection, [row.id for row in rows if row.run_id not in existing])

    def _newest_materialisations(self) -> frozenset[int]:
        """Return the events whose values Dagster shows: the newest materialisation of each asset and partition."""
        with self._storage.index_connection() as connection:
            return frozenset(connection.execute(self._newest_ids()).scalars())

    @staticmethod
    def _newest_ids() -> Select[Any]:
        events = SqlEventLogStorageTable.c
        materialised = select(func.max(events.id)).where(events.dagster_event_type == _MATERIALISATION)
        return materialised.group_by(events.asset_key, events.partition)

    @staticmethod
    def _delete_events(connection: Connection, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), _PIECE_IDS):
            piece = ids[start : start + _PIECE_IDS]
            connection.execute(delete(AssetEventTagsTable).where(AssetEventTagsTable.c.event_id.in_(piece)))
            connection.execute(delete(SqlEventLogStorageTable).where(SqlEventLogStorageTable.c.id.in_(piece)))


def _remove(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
