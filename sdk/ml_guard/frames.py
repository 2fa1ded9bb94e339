"""Events from the rows of data frames and Arrow tables; none of these libraries is needed by the client.

With pyarrow, rows are sent as Arrow. Without it they are sent as JSON, and so are frames with a column that Arrow cannot hold
(mixed types) or that the server does not read of Arrow: their values are converted, or refused by row and field.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields as fields_of
from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ml_guard.shapes import Event, check_event_fields, is_missing

if TYPE_CHECKING:
    import pyarrow as pa

_FIELDS = frozenset(field.name for field in fields_of(Event)) - {"features"}


def frame_events(
    frame: Any, columns: Mapping[str, str], fields: Mapping[str, Any]
) -> "pa.Table | Iterator[dict[str, Any]]":
    """Return the rows as an Arrow table of events, or as mappings of an event's fields where Arrow does not fit."""
    fields = _shared_fields(fields)
    frame = _with_index_fields(frame)
    table = _arrow_table(frame)
    rows = frame if table is None or _is_pandas(frame) else table
    names = _column_names(rows, columns)
    if table is not None and all(map(_is_read_of_arrow, names, table.schema.types)):
        return _arrow_events(table, names, fields)
    return _iter_events(rows, names, fields)


def _shared_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in fields.items():
        if name not in _FIELDS - {"event_id"}:
            shared = ", ".join(sorted(_FIELDS - {"event_id"}))
            raise TypeError(f"{name}: is not a field that rows can share; the fields are {shared}")
        if hasattr(value, "__len__") and not isinstance(value, str):
            raise TypeError(
                f"{name}: one value is needed, which all rows share, not {type(value).__name__};"
                f" values of single rows are a column of the frame, named {name!r}"
            )
    return check_event_fields(fields)


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


def _is_pandas(frame: Any) -> bool:
    return hasattr(frame, "reset_index")


def _with_index_fields(frame: Any) -> Any:
    """Return a frame of pandas with the levels of its index that are named like fields of an event as columns."""
    names = getattr(getattr(frame, "index", None), "names", ())
    levels = [name for name in names if name in _FIELDS] if _is_pandas(frame) and _has_columns(frame) else []
    for name in levels:
        if levels.count(name) > 1 or name in list(frame.columns):
            other = "another level of it" if levels.count(name) > 1 else "a column"
            raise ValueError(
                f"frame: its index and {other} are both named {name!r}; rename one of them, or drop the index:"
                " frame.reset_index(drop=True)"
            )
    return frame.reset_index(levels) if levels else frame


def _has_columns(frame: Any) -> bool:
    return any(hasattr(frame, name) for name in ("columns", "column_names", "schema"))  # a series has none


def _arrow_table(frame: Any) -> "pa.Table | None":
    """Return a frame as a table; None if pyarrow is not installed, or the frame cannot give Arrow."""
    if not hasattr(frame, "__arrow_c_stream__") or not _has_columns(frame):
        return None
    try:
        import pyarrow as pa
    except ImportError:
        return None
    try:
        if not _is_pandas(frame):
            return pa.table(frame)  # types of polars that Arrow has not, such as Int128, raise
        return pa.Table.from_pandas(frame, preserve_index=False)  # its stream would send the index as a feature
    except (TypeError, ValueError, NotImplementedError, OverflowError):
        return None


def _column_names(frame: Any, columns: Mapping[str, str]) -> list[str]:
    """Return the names of the columns, renamed; each must be text, or become text, and be there once."""
    names = getattr(frame, "column_names", getattr(frame, "columns", None))
    if names is None or not any(hasattr(frame, method) for method in ("to_dicts", "to_pylist", "to_dict")):
        raise TypeError(
            f"frame: a data frame of pandas or polars or an Arrow table is needed, not {type(frame).__name__}"
        )
    if getattr(names, "nlevels", 1) > 1:
        raise ValueError(
            "frame: its columns have names of several levels; join them first,"
            " as in frame.columns = ['_'.join(map(str, levels)) for levels in frame.columns]"
        )
    if not len(names) and len(frame):
        raise ValueError(f"frame: has {len(frame)} rows, but no column; add the features and fields of the events")
    renamed = text_names(names, "frame", columns)
    if "y_true" in renamed:
        raise ValueError(
            "frame: the column 'y_true' would be a feature; send labels with send_labels, and drop it here"
        )
    return renamed


def text_names(names: Iterable[Any], source: str, columns: Mapping[Any, str] = MappingProxyType({})) -> list[str]:
    """Return names of columns as text, each renamed by `columns` if it is in there.

    Raises
    ------
    ValueError
        If a name is missing, or several columns have the same.
    """
    renamed = []
    for place, name in enumerate(names, 1):
        if name not in columns and (is_missing(name) or name == ""):
            raise ValueError(f"{source}: column {place} has no name ({name!r}); rename or drop it")
        renamed.append(columns.get(name, str(name)))
    for name, count in Counter(renamed).items():
        if count > 1:
            raise ValueError(f"{source}: {count} columns are named {name!r}; rename or drop all but one")
    return renamed


def _is_read_of_arrow(name: str, kind: Any) -> bool:
    """Whether the server reads a column of this type as what it holds."""
    from pyarrow import types

    if types.is_timestamp(kind):
        return name == "timestamp"
    if types.is_dictionary(kind):
        kind = kind.value_type
    scalar_types = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal, types.is_null)
    text_types = (types.is_string, types.is_large_string, types.is_string_view)
    byte_types = (types.is_binary, types.is_large_binary, types.is_binary_view)
    return any(is_type(kind) for is_type in (*scalar_types, *text_types, *byte_types))


def _arrow_events(table: "pa.Table", names: Sequence[str], fields: Mapping[str, Any]) -> "pa.Table":
    import pyarrow as pa

    table = table.replace_schema_metadata(None)
    table = table.rename_columns([name if name in _FIELDS else f"features.{name}" for name in names])
    for name, value in fields.items():
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


def rows_of(frame: Any) -> list[dict[Any, Any]]:
    """Return the rows of a frame or table by the names of its columns."""
    if hasattr(frame, "to_dicts"):  # polars
        rows = frame.to_dicts()
    elif hasattr(frame, "to_pylist"):  # pyarrow
        rows = frame.to_pylist()
    else:
        rows = frame.to_dict("records")
    return list(rows)


def _iter_events(frame: Any, names: Sequence[str], fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in rows_of(frame):
        features = dict(zip(names, row.values(), strict=True))
        event = {name: features.pop(name) for name in _FIELDS & features.keys()}
        if is_missing(event.get("event_id")):  # as in Arrow, where the server sets it
            event.pop("event_id", None)
        yield {**event, **fields, "features": features}
