"""Raw rows in pieces of bounded size, a column at a time: Parquet row groups, or a table in memory.

Reading belongs here; profiling does not.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import BinaryIO, Protocol, TypeAlias

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

# Rows that are profiled exactly, with one sort a column: 32 MiB of float64 a thread. Larger inputs become several pieces.
PIECE_ROWS = 1 << 22

# A path, an open Arrow file, or a Python file object in binary mode.
ParquetInput: TypeAlias = str | PathLike[str] | pa.NativeFile | BinaryIO


class Piece(Protocol):
    """Some rows whose columns can be read one by one, from several threads at once."""

    @property
    def rows(self) -> int:
        """The number of rows of the piece."""

    def column(self, name: str, *, dictionary: bool) -> pa.ChunkedArray | None:
        """Return one column, dictionary-encoded if requested and possible; None if the piece does not have it."""


@dataclass(frozen=True, slots=True)
class TablePiece:
    """A table in memory."""

    table: pa.Table

    @property
    def rows(self) -> int:
        """The number of rows of the piece."""
        return int(self.table.num_rows)

    def column(self, name: str, *, dictionary: bool) -> pa.ChunkedArray | None:  # noqa: ARG002 - already encoded or not
        """Return the table's column as it is."""
        return self.table[name] if name in self.table.column_names else None


class Readers(threading.local):
    """The open readers of one file in one thread, by whether they read strings as dictionaries."""

    def __init__(self) -> None:
        self.by_encoding: dict[bool, pq.ParquetFile] = {}


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """One Parquet file: a function that opens it, and its footer, which is read once."""

    open: Callable[[], pa.NativeFile]
    metadata: pq.FileMetaData
    schema: pa.Schema
    readers: Readers = field(default_factory=Readers)

    def reader(self, *, dictionary: bool) -> pq.ParquetFile:
        """Return the thread's reader: to open one a column takes time in proportion to all columns."""
        readers = self.readers.by_encoding
        if dictionary not in readers:
            encoded = [f.name for f in self.schema if _is_string(f.type)] if dictionary else []
            readers[dictionary] = pq.ParquetFile(self.open(), metadata=self.metadata, read_dictionary=encoded)
        return readers[dictionary]


@dataclass(frozen=True, slots=True)
class RowGroups:
    """Some row groups of one file."""

    source: ParquetSource
    numbers: Sequence[int]
    rows: int


@dataclass(frozen=True, slots=True)
class ParquetPiece:
    """Row groups of one or more files."""

    parts: Sequence[RowGroups]

    @property
    def rows(self) -> int:
        """The number of rows of the piece."""
        return sum(part.rows for part in self.parts)

    def column(self, name: str, *, dictionary: bool) -> pa.ChunkedArray | None:
        """Return one column of all row groups; null in files that lack it if others have it."""
        columns = [_read_column(part, name, dictionary=dictionary) for part in self.parts]
        present = [column for column in columns if column is not None]
        if not present:
            return None
        kind = _common_type([column.type for column in present])
        chunks: list[pa.Array] = []
        for part, column in zip(self.parts, columns, strict=True):
            if column is None:
                chunks.append(pa.nulls(part.rows, kind))
            else:
                chunks.extend((column if column.type == kind else column.cast(kind)).chunks)
        return pa.chunked_array(chunks, kind)


def parquet_pieces(
    files: Sequence[ParquetInput], filesystem: pafs.FileSystem | None = None, piece_rows: int = PIECE_ROWS
) -> list[ParquetPiece]:
    """Divide files into pieces of whole row groups.

    Parameters
    ----------
    files : paths (within `filesystem`, if there is one) or open files.
    piece_rows : maximum rows of a piece; a larger row group is a piece by itself.

    Returns
    -------
    The pieces in file order; none for files without rows.
    """
    pieces: list[ParquetPiece] = []
    parts: list[RowGroups] = []
    size = 0
    for group in _row_groups([_source(file, filesystem) for file in files]):
        if parts and size + group.rows > piece_rows:
            pieces.append(ParquetPiece(_join(parts)))
            parts, size = [], 0
        parts.append(group)
        size += group.rows
    return [*pieces, ParquetPiece(_join(parts))] if parts else pieces


def _source(file: ParquetInput, filesystem: pafs.FileSystem | None) -> ParquetSource:
    def open_file() -> pa.NativeFile:
        if isinstance(file, str | PathLike):
            return (filesystem or pafs.LocalFileSystem()).open_input_file(fspath(file))
        # Shared by all threads and left open for its owner; Arrow serialises positioned reads of Python files.
        return file if isinstance(file, pa.NativeFile) else pa.PythonFile(file, mode="r")

    metadata = pq.read_metadata(open_file())
    return ParquetSource(open_file, metadata, metadata.schema.to_arrow_schema())


def _row_groups(sources: Sequence[ParquetSource]) -> Iterator[RowGroups]:
    for source in sources:
        for number in range(source.metadata.num_row_groups):
            rows = source.metadata.row_group(number).num_rows
            if rows:
                yield RowGroups(source, [number], rows)


def _join(parts: Sequence[RowGroups]) -> list[RowGroups]:
    """Join neighbouring row groups of one file, so that the file is opened once for them."""
    joined: list[RowGroups] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last is not None and last.source is part.source:
            joined[-1] = RowGroups(last.source, [*last.numbers, *part.numbers], last.rows + part.rows)
        else:
            joined.append(part)
    return joined


def _read_column(part: RowGroups, name: str, *, dictionary: bool) -> pa.ChunkedArray | None:
    if part.source.schema.get_field_index(name) < 0:
        return None
    # Threads already work on different columns.
    return part.source.reader(dictionary=dictionary).read_row_groups(part.numbers, columns=[name], use_threads=False)[
        name
    ]


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _common_type(types: Sequence[pa.DataType]) -> pa.DataType:
    """Return one type for a column that files store with different types."""
    distinct = [kind for kind in dict.fromkeys(types) if not pa.types.is_null(kind)]
    if len(distinct) <= 1:
        return distinct[0] if distinct else pa.null()
    if all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in distinct):
        return pa.float64()
    return pa.string()
