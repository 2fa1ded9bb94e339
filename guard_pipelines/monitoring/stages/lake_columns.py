"""Read columns of one day of the lake into memory; what is done with them does not belong here."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from guard_store.lake.store import LakeSnapshot


def read_day(snapshot: LakeSnapshot, day: str, names: Sequence[str]) -> pa.Table:
    """Read columns of a day, in the order of `names`; one that a file does not have is null. A day without files has no rows."""
    tables = [_read(snapshot, file, names) for file in snapshot.files(day)]
    if not tables:
        return pa.table({name: pa.nulls(0) for name in names})
    return pa.concat_tables(tables, promote_options="permissive")


def _read(snapshot: LakeSnapshot, file: str, names: Sequence[str]) -> pa.Table:
    opened = pq.ParquetFile(file, filesystem=snapshot.filesystem)
    present = set(opened.schema_arrow.names)
    stored = {name: snapshot.stored_name(name) for name in names}
    table = opened.read([name for name in stored.values() if name in present])
    return pa.table(
        {
            name: _plain(table.column(stored[name])) if stored[name] in present else pa.nulls(len(table))
            for name in names
        }
    )


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
