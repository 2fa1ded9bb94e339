"""Table profiles as bytes: an Arrow IPC stream with one row a column, compressed with zstd.

The layout and its version belong here; the meaning of a profile does not.
"""

import hashlib
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml.monitoring.profiles.categorical import CategoricalProfile
from ml.monitoring.profiles.numeric import NumericProfile

ColumnProfile = NumericProfile | CategoricalProfile

FORMAT_VERSION = 1
_VERSION_KEY = b"ml_guard.profile_version"
_ROWS_KEY = b"ml_guard.rows"
_FIELDS: Mapping[str, pa.DataType] = {
    "name": pa.string(),
    "type": pa.string(),
    "count": pa.int64(),
    "nulls": pa.int64(),
    "non_finite": pa.int64(),
    "mean": pa.float64(),
    "m2": pa.float64(),
    "minimum": pa.float64(),
    "maximum": pa.float64(),
    "rank_error": pa.int64(),
    "knots": pa.list_(pa.float64()),
    # Rows strictly between the previous knot and this one, and rows at this one: small numbers, which compress well.
    "between": pa.list_(pa.int64()),
    "at": pa.list_(pa.int64()),
    "labels": pa.list_(pa.string()),
    "label_rows": pa.list_(pa.int64()),
    "other": pa.int64(),
}


def encode(rows: int, columns: Mapping[str, ColumnProfile]) -> bytes:
    """Encode a table's profiles; equal content gives equal bytes, whatever the order of the columns."""
    records = [_record(name, columns[name]) for name in sorted(columns)]
    schema = pa.schema(_FIELDS.items(), metadata={_VERSION_KEY: str(FORMAT_VERSION), _ROWS_KEY: str(rows)})
    arrays = [pa.array([record.get(name) for record in records], kind) for name, kind in _FIELDS.items()]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(
        sink, schema, options=pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
    ) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=schema))
    return bytes(sink.getvalue())


def decode(data: bytes) -> tuple[int, dict[str, ColumnProfile]]:
    """Decode the bytes of `encode`.

    Raises
    ------
    ValueError
        If the bytes are not a table profile, are damaged, or have an unknown version.
    """
    try:
        with pa.ipc.open_stream(data) as reader:
            metadata = reader.schema.metadata or {}
            if _VERSION_KEY not in metadata:
                raise ValueError("profile: these bytes are not a table profile (no version in the schema)")
            version = metadata[_VERSION_KEY].decode()
            if version != str(FORMAT_VERSION):
                raise ValueError(
                    f"profile: version {version} is unknown, this code reads {FORMAT_VERSION}: profile again"
                )
            batch = pa.Table.from_batches(list(reader), reader.schema).combine_chunks()
            batch.validate(full=True)
            return int(metadata[_ROWS_KEY]), _columns(batch)
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ValueError(f"profile: these bytes are not a whole table profile: {error}") from error


def digest(rows: int, columns: Mapping[str, ColumnProfile]) -> str:
    """Return the SHA-256 of the content in hexadecimal, independent of compression and of the Arrow version."""
    sha = hashlib.sha256(f"ml_guard.profile {FORMAT_VERSION} {rows} {len(columns)}".encode())
    for name in sorted(columns):
        for field, value in _record(name, columns[name]).items():
            sha.update(f"\n{field} ".encode())
            sha.update(_canonical(value))
    return sha.hexdigest()


def _record(name: str, profile: ColumnProfile) -> dict[str, object]:
    """Return one column as the fields of one row; NaN becomes null, so that equal content has equal bytes."""
    common = {"name": name, "count": profile.count, "nulls": profile.nulls}
    if isinstance(profile, CategoricalProfile):
        labels = {"labels": list(profile.counts), "label_rows": list(profile.counts.values())}
        return {**common, "type": "categorical", **labels, "other": profile.other}
    moments = {field: getattr(profile, field) for field in ("mean", "m2", "minimum", "maximum")}
    return {
        **common,
        "type": "numeric",
        "non_finite": profile.non_finite,
        **{field: None if math.isnan(value) else float(value) for field, value in moments.items()},
        "rank_error": profile.rank_error,
        "knots": profile.knots,
        "between": profile.below - np.append(0, profile.upto)[: profile.below.size],
        "at": profile.upto - profile.below,
    }


def _columns(batch: pa.Table) -> dict[str, ColumnProfile]:
    fields = {
        name: _lists(batch[name]) if pa.types.is_list(kind) else batch[name].to_pylist()
        for name, kind in _FIELDS.items()
    }
    rows = [dict(zip(fields, values, strict=True)) for values in zip(*fields.values(), strict=True)]
    return {row["name"]: _categorical(row) if row["type"] == "categorical" else _numeric(row) for row in rows}


def _lists(column: pa.ChunkedArray) -> list[NDArray[Any]]:
    """Return each row's list as an array, without conversion to Python numbers."""
    lists = column.combine_chunks()
    return np.split(lists.flatten().to_numpy(zero_copy_only=False), lists.offsets.to_numpy()[1:-1])[: len(lists)]


def _categorical(row: Mapping[str, Any]) -> CategoricalProfile:
    counts = dict(zip(row["labels"].tolist(), row["label_rows"].tolist(), strict=True))
    return CategoricalProfile(row["count"], row["nulls"], counts, row["other"])


def _numeric(row: Mapping[str, Any]) -> NumericProfile:
    below, upto = _cumulative(row["between"], row["at"])
    return NumericProfile(
        count=row["count"],
        nulls=row["nulls"],
        non_finite=row["non_finite"],
        mean=_or_nan(row["mean"]),
        m2=_or_nan(row["m2"]),
        minimum=_or_nan(row["minimum"]),
        maximum=_or_nan(row["maximum"]),
        knots=row["knots"],
        below=below,
        upto=upto,
        rank_error=row["rank_error"],
    )


def _cumulative(between: NDArray[Any], at: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the counts < and <= each knot, from the rows before it and at it."""
    running = np.cumsum(np.column_stack([between, at]).ravel(), dtype=np.int64)
    return running[0::2].copy(), running[1::2].copy()


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _canonical(value: object) -> bytes:
    """Encode a value with its type and length, so that different contents never give the same bytes."""
    match value:
        case None:
            return b"none"
        case np.ndarray():
            kind = value.dtype.newbyteorder("<")
            return f"{kind.str}[{value.size}]".encode() + value.astype(kind, copy=False).tobytes()
        case list():
            return f"list[{len(value)}]".encode() + b"".join(map(_canonical, value))
        case float():
            return b"float" + struct.pack("<d", value)
        case str():
            text = value.encode()
            return f"str[{len(text)}]".encode() + text
        case int():
            return f"int{value};".encode()
    raise TypeError(f"no canonical bytes for {type(value).__name__}")
