"""Columns of one day of the lake as a table in memory; what is done with them does not belong here."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from guard_store.lake.store import LakeSnapshot


def read_day(snapshot: LakeSnapshot, day: str, wanted: Sequence[str]) -> pa.Table:
    """The wanted columns of a day, in their order; one that a file does not have is null. No rows where there is no day."""
    tables = [_read(snapshot, file, wanted) for file in snapshot.files(day)]
    if not tables:
        return pa.table({name: pa.nulls(0) for name in wanted})
    return pa.concat_tables(tables, promote_options="permissive")


def _read(snapshot: LakeSnapshot, file: str, wanted: Sequence[str]) -> pa.Table:
    opened = pq.ParquetFile(file, filesystem=snapshot.filesystem)
    there = set(opened.schema_arrow.names)
    table = opened.read([name for name in wanted if name in there])
    return pa.table({name: _plain(table.column(name)) if name in there else pa.nulls(len(table)) for name in wanted})


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
