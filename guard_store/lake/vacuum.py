"""Upkeep of the lake: files that nothing can ask for any more go. No row is touched here.

Which days are forgotten is `retention`; that a day is one file, however often it is replaced, is `lake`'s doing.
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
"""Hours that a file stays after the newest version has done without it: whoever reads an older version has ended by then."""
_COMMIT = re.compile(r"/_delta_log/(\d{20})\.json$")
_CHECKPOINT = re.compile(r"/_delta_log/(\d{20})\.checkpoint\..*parquet$")


@dataclass(slots=True)
class VacuumResult:
    """What upkeep has found and done.

    Attributes
    ----------
    files, size_bytes : Parquet files of rows in all tables, before.
    kept_versions : versions that trainings have read, whose files stay.
    failed : tables that could not be tidied, with the reason.
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
    """Delete files of all tables that no version of the last week needs, and none that a training has read.

    Where days of the lake are forgotten, what trainings have read is forgotten with them.
    """
    done = VacuumResult()
    read: Mapping[tuple[str, str], set[int]] = {}
    if settings.lake_retention_days is None:
        read = TrainingRunStore(database).lake_versions(now_us() - LOG_DAYS * DAY_US)
    for key in _models(database):
        try:
            _vacuum_table(lake, key, sorted(read.get(key, ())), keep_files_h, done)
        except (DeltaError, OSError) as error:
            # Other tables are not this one's concern; the next night tries again.
            _log.exception("a table of the lake could not be tidied", extra={"project_id": key[0], "model_id": key[1]})
            done.failed["/".join(key)] = str(error)
    return done


def _vacuum_table(
    lake: Lake, key: tuple[str, str], versions: Sequence[int], keep_files_h: int, done: VacuumResult
) -> None:
    table = lake.table(*key)
    if table is None:
        return
    filesystem, folder = lake.folder(*key)
    sizes = _sizes(filesystem, folder)
    kept = [version for version in versions if _is_readable(version, sizes)]
    rows = {path: size for path, size in sizes.items() if "/_delta_log/" not in path}
    done.tables, done.kept_versions = done.tables + 1, done.kept_versions + len(kept)
    done.files, done.size_bytes = done.files + len(rows), done.size_bytes + sum(rows.values())

    def vacuum(*, dry_run: bool) -> list[str]:
        # Full: the log forgets which files were removed after a week, and never knew those of a killed run.
        found: list[str] = table.vacuum(
            keep_files_h,
            dry_run=dry_run,
            enforce_retention_duration=keep_files_h >= KEEP_FILES_H,
            full=True,
            keep_versions=kept or None,
        )
        return found

    # What was deleted before is named again as long as the log knows it; and to delete is two commits, also of nothing.
    named = (f"{folder}/{unquote(path)}" for path in vacuum(dry_run=True))
    deleted = [path for path in named if path in rows]
    if deleted:
        vacuum(dry_run=False)
        done.deleted_files += len(deleted)
        done.deleted_bytes += sum(rows[path] for path in deleted)


def _models(database: Database) -> list[tuple[str, str]]:
    c = day_states.c
    with database.read() as connection:
        rows = connection.execute(select(c.project_id, c.model_id).distinct().order_by(c.project_id, c.model_id))
        return [(row.project_id, row.model_id) for row in rows]


def _sizes(filesystem: pafs.FileSystem, folder: str) -> dict[str, int]:
    found = filesystem.get_file_info(pafs.FileSelector(folder, recursive=True))
    return {info.path: int(info.size) for info in found if info.type == pafs.FileType.File}


def _is_readable(version: int, names: Mapping[str, int]) -> bool:
    """Whether the log still goes back to a version: from its start, or from a checkpoint, without a gap.

    >>> log = dict.fromkeys([f"t/_delta_log/{n:020}.json" for n in (5, 6)], 1)
    >>> _is_readable(6, log), _is_readable(6, log | {f"t/_delta_log/{4:020}.checkpoint.parquet": 1})
    (False, True)
    """
    commits = {int(found[1]) for name in names if (found := _COMMIT.search(name))}
    starts = {int(found[1]) for name in names if (found := _CHECKPOINT.search(name))} | {-1}
    start = max(start for start in starts if start <= version)
    return commits.issuperset(range(start + 1, version + 1))
