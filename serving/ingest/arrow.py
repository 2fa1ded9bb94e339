"""Conversion of an Arrow IPC stream to rows of plain Python objects.

Columns are the fields of the contract; features are a struct or map column `features`, or columns `features.<name>`.
"""

import struct
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from serving.http.problems import BadRequest, Unprocessable

_PREFIX = "features."
_DICTIONARY_VALUE_BYTES = 4_096  # longer values, repeated by index, would expand to far more than the body
_COMPRESSION_SLOT = 3  # of the flatbuffer table RecordBatch
_RECORD_BATCH_HEADER = 3


def iter_arrow_rows(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield the rows of a stream.

    Raises
    ------
    BadRequest
        If the body is not an Arrow IPC stream.
    Unprocessable
        If the type of a column is not supported, or the batches are compressed.
    """
    try:
        _refuse_compressed(body)
        with pa.ipc.open_stream(body) as stream:
            for batch in stream:
                batch.validate(full=True)
                yield from _batch_rows(batch)
    except (pa.ArrowException, OSError, struct.error, IndexError, UnicodeDecodeError) as error:
        raise BadRequest(f"The body is not an Arrow IPC stream: {error}.") from None


def _batch_rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    names = batch.schema.names
    if len(set(names)) < len(names):
        raise Unprocessable("Two columns have the same name: each field is one column.")
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
        fields = {
            field.name: _values(_PREFIX + field.name, child)
            for field, child in zip(kind, column.flatten(), strict=True)
        }
        rows: list[Any] = _zip_rows(fields) if fields else [{} for _ in range(len(column))]
        valid = column.is_valid().to_pylist()
        return [row if is_valid else None for row, is_valid in zip(rows, valid, strict=True)]
    if pa.types.is_map(kind):
        _require_scalar("features", kind.key_type)
        _require_scalar("features", kind.item_type)
        return [None if pairs is None else dict(pairs) for pairs in column.to_pylist()]
    raise Unprocessable("Column 'features' must be a struct or a map; or send columns 'features.<name>'.")


def _zip_rows(columns: dict[str, list[Any]]) -> list[Any]:
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _values(name: str, column: pa.Array) -> list[Any]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        _require_scalar(name, kind.value_type)
        if _max_value_bytes(column.dictionary) > _DICTIONARY_VALUE_BYTES:
            raise Unprocessable(f"Column {name[:80]!r}: a dictionary value is longer than any value may be.")
    else:
        _require_scalar(name, kind)
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", tz=kind.tz), safe=False)
    values: list[Any] = column.to_pylist()
    return values


def _max_value_bytes(dictionary: pa.Array) -> int:
    if not (pa.types.is_string(dictionary.type) or pa.types.is_large_string(dictionary.type)):
        return 0
    return pc.max(pc.binary_length(dictionary)).as_py() or 0


def _require_scalar(name: str, kind: pa.DataType) -> None:
    tests = ("string", "large_string", "integer", "floating", "boolean", "null", "timestamp")
    if not any(getattr(pa.types, f"is_{test}")(kind) for test in tests):
        raise Unprocessable(
            f"Column {name[:80]!r} is of type {str(kind)[:80]}: send numbers, strings, booleans or null."
        )


def _refuse_compressed(body: bytes) -> None:
    # Buffers compressed inside the stream expand without a limit; with Content-Encoding, the expanded size is limited.
    for message in pa.ipc.MessageReader.open_stream(body):
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
