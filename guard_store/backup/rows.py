"""Rows of all tables as Parquet files, one a table, the same for both engines.

The tables are those of the database itself, so that a backup of an older schema can be restored before it is migrated.
"""

from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Connection,
    Float,
    Insert,
    LargeBinary,
    String,
    Text,
    bindparam,
    cast,
    column,
    delete,
    func,
    inspect,
    select,
    table,
)
from sqlalchemy import text as sql_text
from sqlalchemy.sql.expression import TableClause
from sqlalchemy.types import Integer, TypeEngine

from guard_store.backup.archive import BackupError

_BATCH_ROWS: Final = 10_000
_JSON: Final = {b"sql_type": b"json"}
_VERSION_TABLE: Final = "alembic_version"
_ARROW: Final = {
    Boolean: pa.bool_(),
    BigInteger: pa.int64(),
    Float: pa.float64(),
    LargeBinary: pa.binary(),
    String: pa.string(),
}


def tables_of(connection: Connection) -> list[TableClause]:
    """Return the tables of the database, each after those that it refers to."""
    inspector = inspect(connection)
    names = [name for name, _ in inspector.get_sorted_table_and_fkc_names() if name and name != _VERSION_TABLE]
    return [
        table(name, *(column(field["name"], _normal(field["type"])) for field in inspector.get_columns(name)))
        for name in names
    ]


def has_rows(connection: Connection) -> bool:
    """Return whether any table has a row."""
    return any(connection.execute(select(1).select_from(rows).limit(1)).first() for rows in tables_of(connection))


def dump(connection: Connection, rows: TableClause, path: Path) -> int:
    """Write the rows of a table to a Parquet file, and return their number."""
    schema = pa.schema([_field(field.name, field.type) for field in rows.c])
    # JSON as its text: its spelling is kept, and so is the difference between null and no value.
    columns = [cast(field, Text).label(field.name) if isinstance(field.type, JSON) else field for field in rows.c]
    result = connection.execution_options(yield_per=_BATCH_ROWS).execute(select(*columns))
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in result.partitions():
            arrays = [
                pa.array(values, field.type) for values, field in zip(zip(*batch, strict=True), schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            count += len(batch)
    return count


def load(connection: Connection, rows: TableClause, source: IO[bytes]) -> int:
    """Insert the rows of a Parquet file into an empty table, and return their number.

    Raises
    ------
    BackupError
        If the file has other columns than the table.
    """
    count = 0
    with pq.ParquetFile(source) as file:
        if set(file.schema_arrow.names) != set(rows.c.keys()):
            raise BackupError(f"table {rows.name}: the backup has other columns than the schema of its revision")
        statement = _insert(rows, connection.dialect.name)
        for batch in file.iter_batches(_BATCH_ROWS):
            connection.execute(statement, [{f"v_{k}": v for k, v in row.items()} for row in batch.to_pylist()])
            count += batch.num_rows
    return count


def clear(connection: Connection) -> None:
    """Delete what the migrations themselves have inserted."""
    for rows in reversed(tables_of(connection)):
        connection.execute(delete(rows))


def set_sequences(connection: Connection) -> None:
    """Let the sequences of PostgreSQL go on after the highest number of their column."""
    if connection.dialect.name != "postgresql":
        return
    for rows in tables_of(connection):
        for field in rows.c:
            sequence = connection.scalar(
                sql_text("SELECT pg_get_serial_sequence(:name, :field)"), {"name": rows.name, "field": field.name}
            )
            highest = connection.scalar(select(func.max(field))) if sequence else None
            if highest is not None:
                connection.execute(sql_text("SELECT setval(:sequence, :n)"), {"sequence": sequence, "n": highest})


def _insert(rows: TableClause, engine: str) -> Insert:
    values: dict[str, Any] = {}
    for field in rows.c:
        is_json = isinstance(field.type, JSON)
        value: Any = bindparam(f"v_{field.name}", type_=Text() if is_json else field.type)
        # SQLite stores JSON as text; its own CAST would make a number of it.
        values[field.name] = cast(value, JSON) if is_json and engine == "postgresql" else value
    return rows.insert().values(values)


def _normal(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type by which both engines read and write a column.

    Raises
    ------
    BackupError
        If a column has a type that no table of ours has.
    """
    for known in (JSON, Boolean, Integer, Float, LargeBinary):
        if isinstance(kind, known):
            return BigInteger() if known is Integer else known()
    if isinstance(kind, String):
        return String()
    raise BackupError(
        f"the database has a column of type {kind}, which is none of ML Guard's: a database of its own is needed"
    )


def _field(name: str, kind: TypeEngine[Any]) -> pa.Field:
    if isinstance(kind, JSON):
        return pa.field(name, pa.string(), metadata=_JSON)
    for known, arrow in _ARROW.items():
        if isinstance(kind, known):
            return pa.field(name, arrow)
    raise AssertionError(f"{kind} is not normal")
