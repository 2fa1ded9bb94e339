"""The knowledge base: documents, chunks and vectors as versioned Delta tables of the lake, and the source files.

Computing their content is `ml.knowledge`; searching them is `serving.assistant.knowledge`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError

from guard_core.settings import Settings
from guard_store.lake.files import filesystem_of

Name = Literal["documents", "chunks", "embeddings"]
_ORDER = [("source", "ascending"), ("place", "ascending")]


@dataclass(frozen=True, slots=True)
class TableVersion:
    """A version of a table; `table` is the id of the table, which changes if it is created again."""

    table: str
    number: int


class KnowledgeStore:
    """The tables under a lake's root, a folder or an object store URL."""

    def __init__(self, lake_url: str) -> None:
        self._root = f"{lake_url.rstrip('/')}/_knowledge"

    def version(self, name: Name = "embeddings") -> TableVersion | None:
        """Return the newest version of a table; None if nothing was ever stored."""
        table = self._open(name)
        return None if table is None else _version_of(table)

    def read(
        self, name: Name = "embeddings", columns: Sequence[str] | None = None
    ) -> tuple[TableVersion, pa.Table] | None:
        """Return the newest version and its rows, by source and place; None if nothing was ever stored."""
        table = self._open(name)
        if table is None:
            return None
        rows = pa.table(table.to_pyarrow_table(columns=None if columns is None else list(columns)))
        return _version_of(table), _sorted(rows)

    def replace(self, name: Name, rows: pa.Table) -> TableVersion:
        """Replace all rows in one commit and return the version; equal content creates no new version."""
        new_rows, stored = _sorted(rows), self.read(name)
        if stored is not None and _same(stored[1], new_rows):
            return stored[0]
        write_deltalake(self._uri(name), new_rows, mode="overwrite", schema_mode="overwrite")
        table = DeltaTable(self._uri(name))
        table.vacuum(dry_run=False, full=True)  # deletes files that no version of the last week uses
        return _version_of(table)

    def _open(self, name: Name) -> DeltaTable | None:
        try:
            return DeltaTable(self._uri(name))
        except TableNotFoundError:
            return None

    def _uri(self, name: Name) -> str:
        return f"{self._root}/{name}"


class Sources:
    """Files of a folder or an S3 prefix, except hidden ones."""

    def __init__(self, url: str) -> None:
        root = url if "://" in url else str(Path(url).resolve())
        self._filesystem, path = filesystem_of(root.rstrip("/"), {})
        self._path = path.rstrip("/")

    def names(self) -> Sequence[str]:
        """Return the names of the files below the root, sorted.

        Raises
        ------
        FileNotFoundError
            If the folder does not exist.
        """
        return [name for name, _ in self._list()]

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        with self._filesystem.open_input_stream(f"{self._path}/{name}") as file:
            content: bytes = file.read()
        return content

    def stamp(self) -> str:
        """Return a hash of names, sizes and modification times, to detect changes."""
        stats = [(name, info.size, info.mtime_ns) for name, info in self._list()]
        return hashlib.sha256(repr(stats).encode()).hexdigest()

    def _list(self) -> list[tuple[str, pafs.FileInfo]]:
        infos = self._filesystem.get_file_info(pafs.FileSelector(self._path, recursive=True))
        files = [(info.path.removeprefix(self._path).lstrip("/"), info) for info in infos if info.is_file]
        return sorted((name, info) for name, info in files if not any(p.startswith(".") for p in name.split("/")))


def stamp_of(settings: Settings) -> str:
    """Return a hash of sources, embedding model and lake; if it changes, the knowledge base must be rebuilt."""
    inputs = (
        settings.knowledge.location,
        Sources(settings.knowledge.location).stamp(),
        settings.knowledge.embedding_model,
        settings.storage.lake,
    )
    return hashlib.sha256(repr(inputs).encode()).hexdigest()


def _version_of(table: DeltaTable) -> TableVersion:
    return TableVersion(str(table.metadata().id), int(table.version()))


def _sorted(rows: pa.Table) -> pa.Table:
    return rows.sort_by([key for key in _ORDER if key[0] in rows.column_names])


def _same(stored: pa.Table, new: pa.Table) -> bool:
    if set(stored.column_names) != set(new.column_names):
        return False
    try:  # Arrow has several types of strings and lists
        return bool(stored.select(new.column_names).cast(new.schema).equals(new))
    except pa.ArrowInvalid:
        return False
