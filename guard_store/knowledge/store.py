"""The knowledge base: documents, their chunks and vectors, each a versioned Delta table of the lake; and where sources are.

What the tables hold is `ml.knowledge`; searching them is `serving.assistant.knowledge`.
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
    """A version of a table; `table` is another id where the table was made anew."""

    table: str
    number: int


class KnowledgeStore:
    """The tables under a lake's root, a folder or an object store URL."""

    def __init__(self, lake_url: str) -> None:
        self._root = f"{lake_url.rstrip('/')}/_knowledge"

    def version(self, name: Name = "embeddings") -> TableVersion | None:
        """The newest version; None where nothing was ever stored."""
        table = self._open(name)
        return None if table is None else _version_of(table)

    def read(
        self, name: Name = "embeddings", columns: Sequence[str] | None = None
    ) -> tuple[TableVersion, pa.Table] | None:
        """The newest version and its rows, by source and place; None where nothing was ever stored."""
        table = self._open(name)
        if table is None:
            return None
        rows = pa.table(table.to_pyarrow_table(columns=None if columns is None else list(columns)))
        return _version_of(table), _sorted(rows)

    def replace(self, name: Name, rows: pa.Table) -> TableVersion:
        """Replace everything in one commit; returns the version. The same content makes no new one."""
        wanted, before = _sorted(rows), self.read(name)
        if before is not None and _same(before[1], wanted):
            return before[0]
        write_deltalake(self._uri(name), wanted, mode="overwrite", schema_mode="overwrite")
        table = DeltaTable(self._uri(name))
        table.vacuum(dry_run=False, full=True)  # files that no version of the last week has
        return _version_of(table)

    def _open(self, name: Name) -> DeltaTable | None:
        try:
            return DeltaTable(self._uri(name))
        except TableNotFoundError:
            return None

    def _uri(self, name: Name) -> str:
        return f"{self._root}/{name}"


class Sources:
    """Files of a folder or an S3 prefix; hidden ones are not looked at."""

    def __init__(self, url: str) -> None:
        root = url if "://" in url else str(Path(url).resolve())
        self._filesystem, path = filesystem_of(root.rstrip("/"), {})
        self._path = path.rstrip("/")

    def names(self) -> Sequence[str]:
        """Names below the root, in their order.

        Raises
        ------
        FileNotFoundError
            If the folder is not there.
        """
        return [name for name, _ in self._listed()]

    def read(self, name: str) -> bytes:
        """The content of a file; raises OSError where it cannot be read."""
        with self._filesystem.open_input_stream(f"{self._path}/{name}") as file:
            content: bytes = file.read()
        return content

    def stamp(self) -> str:
        """A hash of names, sizes and times: another one says that something has changed."""
        told = [(name, info.size, info.mtime_ns) for name, info in self._listed()]
        return hashlib.sha256(repr(told).encode()).hexdigest()

    def _listed(self) -> list[tuple[str, pafs.FileInfo]]:
        found = self._filesystem.get_file_info(pafs.FileSelector(self._path, recursive=True))
        named = [(info.path.removeprefix(self._path).lstrip("/"), info) for info in found if info.is_file]
        return sorted((name, info) for name, info in named if not any(p.startswith(".") for p in name.split("/")))


def stamp_of(settings: Settings) -> str:
    """Another one says that the knowledge base is to be built again: of the sources, the model and the lake."""
    told = (
        settings.knowledge.location,
        Sources(settings.knowledge.location).stamp(),
        settings.knowledge.embedding_model,
        settings.storage.lake,
    )
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _version_of(table: DeltaTable) -> TableVersion:
    return TableVersion(str(table.metadata().id), int(table.version()))


def _sorted(rows: pa.Table) -> pa.Table:
    return rows.sort_by([key for key in _ORDER if key[0] in rows.column_names])


def _same(present: pa.Table, wanted: pa.Table) -> bool:
    if set(present.column_names) != set(wanted.column_names):
        return False
    try:  # Arrow has more than one kind of text and list
        return bool(present.select(wanted.column_names).cast(wanted.schema).equals(wanted))
    except pa.ArrowInvalid:
        return False
