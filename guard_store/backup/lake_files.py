"""The files of the lake's tables: of each table the log up to one version, and the files of rows that it names.

Older versions are kept as far as their files still are, because trainings refer to them.
"""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import DeltaTable

from guard_store.backup.archive import Archive, ArchiveWriter, BackupError
from guard_store.lake.files import filesystem_of

_FOLDER: Final = "lake/"
_LOG: Final = "_delta_log"
_COMMIT: Final = re.compile(r"^(\d{20})\.json$")
_CHECKPOINT: Final = re.compile(r"^(\d{20})\.checkpoint\..*parquet$")
_PIECE_BYTES: Final = 2**20


def add_lake(archive: ArchiveWriter, root: str) -> int:
    """Add all tables below a root, and return their number.

    Raises
    ------
    BackupError
        If files of a table were deleted meanwhile.
    """
    filesystem, folder = filesystem_of(root.rstrip("/"), {})
    tables = list(_tables(filesystem, folder))
    for table in tables:
        _add_table(archive, filesystem, root.rstrip("/"), folder, table)
    return len(tables)


def restore_lake(archive: Archive, root: str) -> int:
    """Write all files below a root, and return their number."""
    filesystem, folder = filesystem_of(root.rstrip("/"), {})
    names = archive.names(_FOLDER)
    for name in names:
        path = f"{folder}/{name.removeprefix(_FOLDER)}"
        filesystem.create_dir(path.rpartition("/")[0], recursive=True)
        with archive.open(name) as source, filesystem.open_output_stream(path) as target:
            while piece := source.read(_PIECE_BYTES):
                target.write(piece)
    return len(names)


def is_empty(root: str) -> bool:
    """Return whether there is no file below a root."""
    filesystem, folder = filesystem_of(root.rstrip("/"), {})
    return not _files(filesystem, folder)


def _tables(filesystem: pafs.FileSystem, folder: str) -> Iterator[str]:
    """Yield the tables, as `project/model`."""
    for project in _folders(filesystem, folder):
        for model in _folders(filesystem, f"{folder}/{project}"):
            if _LOG in _folders(filesystem, f"{folder}/{project}/{model}"):
                yield f"{project}/{model}"


def _add_table(archive: ArchiveWriter, filesystem: pafs.FileSystem, root: str, folder: str, table: str) -> None:
    # The log first: the files that it names were written before it. What is added to it meanwhile is left out.
    log = _files(filesystem, f"{folder}/{table}/{_LOG}")
    commits = [int(match[1]) for name in log if (match := _COMMIT.match(name))]
    if not commits:
        return
    version = max(commits)
    rows = {name for name in _files(filesystem, f"{folder}/{table}") if not name.startswith(f"{_LOG}/")}
    added = pa.table(DeltaTable(f"{root}/{table}", version=version).get_add_actions(flatten=True))
    missing = {unquote(path) for path in added["path"].to_pylist()} - rows
    if missing:
        raise BackupError(f"the lake's table {table} lacks {min(missing)}, which was deleted meanwhile: try again")
    names = [*sorted(rows), *(f"{_LOG}/{name}" for name in sorted(log) if _is_of(name, version))]
    for name in names:
        path = f"{folder}/{table}/{name}"
        with filesystem.open_input_file(path) as source:
            archive.add(f"{_FOLDER}{table}/{name}", source, source.size())


def _is_of(name: str, version: int) -> bool:
    match = _COMMIT.match(name) or _CHECKPOINT.match(name)
    return match is not None and int(match[1]) <= version


def _folders(filesystem: pafs.FileSystem, folder: str) -> list[str]:
    infos = filesystem.get_file_info(pafs.FileSelector(folder, allow_not_found=True))
    return sorted(info.base_name for info in infos if info.type == pafs.FileType.Directory)


def _files(filesystem: pafs.FileSystem, folder: str) -> list[str]:
    """Return the paths of all files below a folder, relative to it."""
    infos = filesystem.get_file_info(pafs.FileSelector(folder, recursive=True, allow_not_found=True))
    return [info.path.removeprefix(f"{folder}/") for info in infos if info.type == pafs.FileType.File]
