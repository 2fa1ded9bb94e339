"""Vacuum of the lake: deletes files that no version needs any more. No row is changed here.

Deleting days is `guard_store.retention`; writing a day as one file is `store`.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

import pyarrow.fs as pafs
from deltalake.exceptions import DeltaError
from sqlalchemy import select

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import DAY_US
from guard_store.day_state.tables import day_states
from guard_store.db.database import Database
from guard_store.lake.store import LOG_DAYS, Lake
from guard_store.retraining.training_runs import TrainingRunStore

_log = logging.getLogger(__name__)

KEEP_FILES_H: Final = 168
"""Hours that a file stays after the newest version stopped using it, for readers of older versions."""
_COMMIT = re.compile(r"/_delta_log/(\d{20})\.json$")
_CHECKPOINT = re.compile(r"/_delta_log/(\d{20})\.checkpoint\..*parquet$")


@dataclass(slots=True)
class VacuumResult:
    """Counts of a vacuum.

    Attributes
    ----------
    files, size_bytes : Parquet files of rows in all tables, before.
    kept_versions : versions that trainings have read, whose files stay.
    failed : tables that could not be vacuumed, with the reason.
    """

    tables: int = 0
    files: int = 0
    size_bytes: int = 0
    deleted_files: int = 0
    deleted_bytes: int = 0
    kept_versions: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def vacuum_lake(
    database: Database, lake: Lake, settings: Settings, *, keep_files_h: int = KEEP_FILES_H
) -> VacuumResult:
    """Delete files of all tables that no version of the last week needs, except those that a training has read.

    If `retention.lake_days` is set, files that trainings have read are deleted too.
    """
    result = VacuumResult()
    read: Mapping[tuple[str, str], set[int]] = {}
    if settings.retention.lake_days is None:
        read = TrainingRunStore(database).lake_versions(now_us() - LOG_DAYS * DAY_US)
    for key in _models(database):
        try:
            _vacuum_table(lake, key, sorted(read.get(key, ())), keep_files_h, result)
        except (DeltaError, OSError) as error:
            # The other tables are vacuumed all the same; the next run tries this one again.
            _log.exception(
                "a table of the lake could not be vacuumed", extra={"project_id": key[0], "model_id": key[1]}
            )
            result.failed["/".join(key)] = str(error)
    return result


def _vacuum_table(
    lake: Lake, key: tuple[str, str], versions: Sequence[int], keep_files_h: int, result: VacuumResult
) -> None:
    table = lake.table(*key)
    if table is None:
        return
    filesystem, folder = lake.folder(*key)
    sizes = _sizes(filesystem, folder)
    kept = [version for version in versions if _is_readable(version, sizes)]
    rows = {path: size for path, size in sizes.items() if "/_delta_log/" not in path}
    result.tables, result.kept_versions = result.tables + 1, result.kept_versions + len(kept)
    result.files, result.size_bytes = result.files + len(rows), result.size_bytes + sum(rows.values())

    def vacuum(*, dry_run: bool) -> list[str]:
        # Full: the log lists removed files for a week only, and never those of a killed run.
        paths: list[str] = table.vacuum(
            keep_files_h,
            dry_run=dry_run,
            enforce_retention_duration=keep_files_h >= KEEP_FILES_H,
            full=True,
            keep_versions=kept or None,
        )
        return paths

    # A dry run first: it lists deleted files again while the log has them, and a real run commits twice even for no files.
    candidates = (f"{folder}/{unquote(path)}" for path in vacuum(dry_run=True))
    deleted = [path for path in candidates if path in rows]
    if deleted:
        vacuum(dry_run=False)
        result.deleted_files += len(deleted)
        result.deleted_bytes += sum(rows[path] for path in deleted)


def _models(database: Database) -> list[tuple[str, str]]:
    c = day_states.c
    with database.read() as connection:
        rows = connection.execute(select(c.project_id, c.model_id).distinct().order_by(c.project_id, c.model_id))
        return [(row.project_id, row.model_id) for row in rows]


def _sizes(filesystem: pafs.FileSystem, folder: str) -> dict[str, int]:
    infos = filesystem.get_file_info(pafs.FileSelector(folder, recursive=True))
    return {info.path: int(info.size) for info in infos if info.type == pafs.FileType.File}


def _is_readable(version: int, names: Mapping[str, int]) -> bool:
    """Return whether a version can be rebuilt from the log, from its start or a checkpoint on, without a gap.

    >>> log = dict.fromkeys([f"t/_delta_log/{n:020}.json" for n in (5, 6)], 1)
    >>> _is_readable(6, log), _is_readable(6, log | {f"t/_delta_log/{4:020}.checkpoint.parquet": 1})
    (False, True)
    """
    commits = {int(match[1]) for name in names if (match := _COMMIT.search(name))}
    starts = {int(match[1]) for name in names if (match := _CHECKPOINT.search(name))} | {-1}
    start = max(start for start in starts if start <= version)
    return commits.issuperset(range(start + 1, version + 1))
