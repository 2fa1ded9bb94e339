"""Conversion of Arrow IPC streams to rows of plain Python objects.

Columns are the fields of the contract; features are a struct or map column `features`, or columns `features.<name>`.
"""

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from serving.http.problems import BadRequest, Unprocessable

_PREFIX = "features."
_SHARED_VALUE_BYTES = (
    4_096  # longer values of dictionaries, views and runs, repeated, would expand to far more than the body
)
_SLICE_CELLS = 2**18  # that are Python objects at the same time
_TEXT_TYPES = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view", "fixed_size_binary")
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DATETIME_SECONDS = (-62_135_596_800, 253_402_300_799)  # the years 1 to 9999, since 1970
_COMPRESSION_SLOT = 3  # of the flatbuffer table RecordBatch
_RECORD_BATCH_HEADER = 3


def iter_arrow_rows(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield the rows of a stream, or of several that follow each other, as in a file to which senders have appended.

    Raises
    ------
    BadRequest
        If the body is not an Arrow IPC stream.
    Unprocessable
        If the type of a column is not supported, or the batches are compressed.
    """
    try:
        source = pa.BufferReader(body)
        yield from _stream_rows(source)
        while source.tell() < source.size():
            yield from _stream_rows(source)
    except (pa.ArrowException, OSError, struct.error, IndexError, UnicodeDecodeError) as error:
        raise BadRequest(
            f"The body is not an Arrow IPC stream (the file formats of Arrow and Parquet are none): {error}."
        ) from None


def _stream_rows(source: pa.BufferReader) -> Iterator[dict[str, Any]]:
    start = source.tell()
    _refuse_compressed(source)
    source.seek(start)
    with pa.ipc.open_stream(source) as stream:
        for batch in stream:
            batch.validate(full=True)
            rows = max(_SLICE_CELLS // _width(batch.schema), 1)
            for first in range(0, batch.num_rows, rows):
                yield from _batch_rows(batch.slice(first, rows))


def _width(schema: pa.Schema) -> int:
    return sum(max(field.type.num_fields, 1) for field in schema) or 1


def _batch_rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    names = batch.schema.names
    _refuse_repeated(names)
    features = _features(batch)
    columns = {
        name: _values(name, column)
        for name, column in zip(names, batch.columns, strict=True)
        if name != "features" and not name.startswith(_PREFIX)
    }
    if features is not None:
        columns["features"] = features
    for values in zip(*columns.values(), strict=True):
        # A column has a value in each row, so null means that a field is missing. For y_pred, null is a value.
        pairs = zip(columns, values, strict=True)
        yield {name: value for name, value in pairs if value is not None or name == "y_pred"}


def _features(batch: pa.RecordBatch) -> list[Any] | None:
    separate = {
        name.removeprefix(_PREFIX): _values(name, column)
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
        if name.startswith(_PREFIX)
    }
    if "features" not in batch.schema.names:
        return _zip_rows(separate) if separate else None
    if separate:
        raise Unprocessable("Features come as a column 'features' or as columns 'features.<name>', not as both.")
    return _feature_dicts(batch.column("features"))


def _feature_dicts(column: pa.Array) -> list[Any]:
    kind = column.type
    if pa.types.is_struct(kind):
        _refuse_repeated([field.name for field in kind])
        fields = {
            field.name: _values(_PREFIX + field.name, child)
            for field, child in zip(kind, column.flatten(), strict=True)
        }
        rows: list[Any] = _zip_rows(fields) if fields else [{} for _ in range(len(column))]
        valid = column.is_valid().to_pylist()
        return [row if is_valid else None for row, is_valid in zip(rows, valid, strict=True)]
    if pa.types.is_map(kind):
        for values in (column.keys, column.items):
            _refuse_long_views("features", values)
        plain = pa.map_(_plain_type("features", kind.key_type), _plain_type("features", kind.item_type))
        return [None if pairs is None else _dict(pairs) for pairs in _cast("features", column, plain).to_pylist()]
    raise Unprocessable("Column 'features' must be a struct or a map; or send columns 'features.<name>'.")


def _dict(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    _refuse_repeated([name for name, _ in pairs])
    return dict(pairs)


def _refuse_repeated(names: list[Any]) -> None:
    if len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        raise Unprocessable(f"Two columns or features have the same name {str(name)[:80]!r}: each is sent once.")


def _zip_rows(columns: dict[str, list[Any]]) -> list[Any]:
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _values(name: str, column: pa.Array) -> list[Any]:
    values: list[Any] = _plain(name, column).to_pylist()
    return values


def _plain(name: str, column: pa.Array) -> pa.Array:
    """Return a column of one of the few types whose Python values JSON has too, or of a dictionary of them."""
    if isinstance(column, pa.ExtensionArray):
        return _plain(name, _storage(column))
    if pa.types.is_run_end_encoded(column.type):
        _refuse_long_words(name, _plain(name, column.values))
        return _plain(name, pc.run_end_decode(column))
    if pa.types.is_dictionary(column.type):
        words = _plain(name, column.dictionary)
        _refuse_long_words(name, words)
        return pa.DictionaryArray.from_arrays(column.indices, words)
    _refuse_long_views(name, column)
    return _cast(name, column, _plain_type(name, column.type))


def _storage(column: pa.ExtensionArray) -> pa.Array:
    if isinstance(column.type, pa.UuidType):
        return pa.array(map(_text, column), pa.string())
    return column.cast(pa.bool_()) if isinstance(column.type, pa.Bool8Type) else column.storage


def _text(scalar: pa.Scalar) -> str | None:
    return str(scalar.as_py()) if scalar.is_valid else None


def _plain_type(name: str, kind: pa.DataType) -> pa.DataType:
    is_type = pa.types
    if is_type.is_timestamp(kind):
        return pa.timestamp(
            "us", tz=None if kind.tz is None else "UTC"
        )  # the same instant; the zone may be unknown here
    if is_type.is_decimal(kind) or is_type.is_floating(kind):
        return pa.float64()
    if any(getattr(is_type, f"is_{text}")(kind) for text in _TEXT_TYPES):
        return pa.large_string()
    if is_type.is_integer(kind) or is_type.is_boolean(kind) or is_type.is_null(kind):
        return kind
    raise Unprocessable(
        f"Column {name[:80]!r} is of type {str(kind)[:80]}: send numbers, strings, booleans or null;"
        " an instant is a timestamp with a time zone."
    )


def _cast(name: str, column: pa.Array, kind: pa.DataType) -> pa.Array:
    _refuse_far_instants(name, column)
    try:
        return column.cast(kind, safe=not pa.types.is_timestamp(kind))
    except pa.ArrowInvalid:
        raise Unprocessable(
            f"Column {name[:80]!r} holds bytes that are not UTF-8: send text, or leave it out."
        ) from None


def _refuse_far_instants(name: str, column: pa.Array) -> None:
    if not pa.types.is_timestamp(column.type):
        return
    first, last = (instant * _PER_SECOND[column.type.unit] for instant in _DATETIME_SECONDS)
    numbers = column.cast(pa.int64())
    if pc.any(pc.or_(pc.less(numbers, max(first, -(2**63))), pc.greater(numbers, min(last, 2**63 - 1)))).as_py():
        raise Unprocessable(
            f"Column {name[:80]!r} holds an instant outside the years 1 to 9999: check the unit of its type."
        )


def _refuse_long_views(name: str, column: pa.Array) -> None:
    if pa.types.is_string_view(column.type) or pa.types.is_binary_view(column.type):
        views = np.frombuffer(column.buffers()[1], np.int32).reshape(
            -1, 4
        )  # the first four bytes of a view: its length
        lengths = views[column.offset : column.offset + len(column), 0]
        _refuse_long(name, int(lengths[column.is_valid().to_numpy(zero_copy_only=False)].max(initial=0)))


def _refuse_long_words(name: str, words: pa.Array) -> None:
    if pa.types.is_large_string(words.type):
        _refuse_long(name, pc.max(pc.binary_length(words)).as_py() or 0)


def _refuse_long(name: str, size: int) -> None:
    if size > _SHARED_VALUE_BYTES:
        raise Unprocessable(
            f"Column {name[:80]!r}: a value of a dictionary, view or run is longer than any value may be; shorten it."
        )


def _refuse_compressed(source: pa.BufferReader) -> None:
    # Buffers compressed inside the stream expand without a limit; with Content-Encoding, the expanded size is limited.
    for message in pa.ipc.MessageReader.open_stream(source):
        if message.type in {"record batch", "dictionary"} and _is_compressed(message.metadata.to_pybytes()):
            raise Unprocessable("The stream's batches are compressed: compress the body by Content-Encoding instead.")


def _is_compressed(metadata: bytes) -> bool:
    message = _offset(metadata, 0)
    kind = metadata[_field(metadata, message, 1)]
    header = _offset(metadata, _field(metadata, message, 2))
    if kind != _RECORD_BATCH_HEADER:  # DictionaryBatch {id, data: RecordBatch}
        header = _offset(metadata, _field(metadata, header, 1))
    return _field(metadata, header, _COMPRESSION_SLOT) != header


def _offset(data: bytes, at: int) -> int:
    relative: int = struct.unpack_from("<I", data, at)[0]
    return at + relative


def _field(data: bytes, table: int, slot: int) -> int:
    """Return the position of a field in a flatbuffer table; the position of the table if the field is absent."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    size = struct.unpack_from("<H", data, vtable)[0]
    at = 4 + 2 * slot
    return table + (struct.unpack_from("<H", data, vtable + at)[0] if at < size else 0)
