"""Events from the rows of data frames and Arrow tables; none of these libraries is needed by the client.

With pyarrow, rows are sent as Arrow; without it, as JSON.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import fields as fields_of
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ml_guard.shapes import Event

if TYPE_CHECKING:
    import pyarrow as pa

_FIELDS = frozenset(field.name for field in fields_of(Event)) - {"features"}


def arrow_events(frame: Any, columns: Mapping[str, str], fields: Mapping[str, Any]) -> "pa.Table | None":
    """Return the rows as an Arrow table of events; None if pyarrow is not installed, or the frame cannot give Arrow."""
    if not hasattr(frame, "__arrow_c_stream__"):
        return None
    try:
        import pyarrow as pa
    except ImportError:
        return None
    is_pandas = hasattr(frame, "reset_index")  # its own stream would send the index as a feature
    table = pa.Table.from_pandas(frame, preserve_index=False) if is_pandas else pa.table(frame)
    table = table.replace_schema_metadata(None)
    names = [columns.get(name, name) for name in table.column_names]
    table = table.rename_columns([name if name in _FIELDS else f"features.{name}" for name in names])
    for name, value in _checked(fields).items():
        if name in table.column_names:
            table = table.drop_columns([name])
        table = table.append_column(name, pa.repeat(pa.scalar(value), table.num_rows))
    if "timestamp" not in table.column_names:
        table = table.append_column("timestamp", pa.repeat(pa.scalar(datetime.now(timezone.utc)), table.num_rows))
    if "event_id" not in table.column_names:
        table = table.append_column(
            "event_id", pa.array([uuid.uuid4().hex for _ in range(table.num_rows)], pa.string())
        )
    return table


def arrow_bodies(table: "pa.Table", *, max_rows: int, max_bytes: int) -> Iterator[tuple[bytes, int]]:
    """Yield Arrow IPC streams with their numbers of rows; a stream that is too long is halved."""
    import pyarrow as pa

    for start in range(0, table.num_rows, max_rows):
        part = table.slice(start, max_rows)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(part)
        body = sink.getvalue().to_pybytes()
        if len(body) > max_bytes and part.num_rows > 1:
            yield from arrow_bodies(part, max_rows=-(-part.num_rows // 2), max_bytes=max_bytes)
        else:
            yield body, part.num_rows


def iter_events(frame: Any, columns: Mapping[str, str], fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows as mappings of an event's fields."""
    _checked(fields)
    if hasattr(frame, "to_dicts"):  # polars
        rows = frame.to_dicts()
    elif hasattr(frame, "to_pylist"):  # pyarrow
        rows = frame.to_pylist()
    elif hasattr(frame, "to_dict"):  # pandas
        rows = frame.to_dict("records")
    else:
        raise TypeError(
            f"frame: a data frame of pandas or polars or an Arrow table is needed, not {type(frame).__name__}"
        )
    for row in rows:
        named = {columns.get(name, name): value for name, value in row.items()}
        event = {name: named.pop(name) for name in _FIELDS & named.keys()}
        yield {**event, **fields, "features": named}


def _checked(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in fields:
        if name not in _FIELDS:
            raise TypeError(f"{name}: is not a field that rows can share; the fields are {', '.join(sorted(_FIELDS))}")
    return fields
