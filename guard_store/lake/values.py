"""Convert feature JSON and predictions to typed columns: all rows at once if all fit, otherwise row by row.

A value that does not fit its kind becomes null and is listed in `misfits`; it never fails the day.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json

from guard_core.columns import FEATURE_PREFIX, feature_column, feature_name
from guard_store.lake.regular_json import read_regular

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "numeric": pa.float64(),
    "categorical": pa.string(),
    "boolean": pa.bool_(),
    "text": pa.string(),
}
# One block is one task of the reader's thread pool.
_BLOCK_BYTES = 1 << 20
SURPLUS_FEATURES = "surplus_features"
"""Entry in `misfits` of a row that has features beyond the limit; their own names could be any number."""
_NULL = object()
_decode = msgspec.json.Decoder().decode


@dataclass(slots=True)
class Converted:
    """Converted columns of some rows.

    Attributes
    ----------
    columns : Arrow columns by lake column, for all columns with a kind.
    misfits : lake columns whose value did not fit, by row.
    unseen : values of columns without a kind; the list is empty for columns with only nulls.
    """

    columns: dict[str, pa.ChunkedArray]
    misfits: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    unseen: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))


def convert_features(
    lines: pa.Array, kinds: Mapping[str, str], empty: Collection[str] = (), *, is_full: bool = False
) -> Converted:
    """Convert features to typed columns.

    Parameters
    ----------
    lines : (n,) strings without nulls, each a JSON object and a line feed.
    kinds : kind by lake column.
    empty : lake columns without a kind that have had only nulls so far.
    is_full : whether no further column may get a kind: a value without one is a misfit, as `SURPLUS_FEATURES`.
    """
    types = {
        **{feature_name(name): pa.null() for name in empty},
        **{feature_name(name): ARROW_TYPES[kind] for name, kind in kinds.items() if name.startswith(FEATURE_PREFIX)},
    }
    if types and len(lines):
        text = _as_text(lines)
        columns = read_regular(text, len(lines), types) or _read_json(text, len(lines), types)
        if columns is not None:
            return Converted({feature_column(name): columns[name] for name in types if feature_column(name) in kinds})
    return _convert_rows(lines, kinds, is_full=is_full)


def convert_scalars(column: str, texts: pa.Array, kind: str | None) -> Converted:
    """Convert predictions or labels to a typed column.

    Parameters
    ----------
    column : name of the lake column.
    texts : (n,) JSON values; null if there is none.
    kind : kind of the column; None if it is not known yet.
    """
    # Labels are few: each distinct text is decoded once.
    encoded = texts.dictionary_encode()
    values = [_decode_json(text) for text in encoded.dictionary.to_pylist()]
    if kind is None:
        present = [values[i] for i in encoded.indices.drop_null().to_pylist()]
        return Converted({}, unseen={column: present if any(value is not None for value in present) else []})
    fitted = [_FIT[kind](value) for value in values]
    distinct = pa.array([None if value is _NULL else value for value in fitted], ARROW_TYPES[kind])
    converted = Converted({column: pa.chunked_array([distinct.take(encoded.indices)])})
    misfits = [index for index, value in enumerate(fitted) if value is _NULL]
    if misfits:
        rows = pc.indices_nonzero(pc.is_in(encoded.indices, value_set=pa.array(misfits, pa.int32())))
        converted.misfits.update({row: [column] for row in rows.to_pylist()})
    return converted


def _as_text(lines: pa.Array) -> pa.Buffer:
    """Return the text of all rows without a copy, as newline-delimited JSON."""
    _, offsets, data = lines.buffers()
    starts = memoryview(offsets).cast("q" if pa.types.is_large_string(lines.type) else "i")
    first, last = starts[lines.offset], starts[lines.offset + len(lines)]
    return data.slice(first, last - first)


def _read_json(text: pa.Buffer, rows: int, types: Mapping[str, pa.DataType]) -> dict[str, pa.ChunkedArray] | None:
    """Return typed columns, or None if a value has another type or a key is unknown."""
    try:
        table = pa_json.read_json(
            pa.BufferReader(text),
            read_options=pa_json.ReadOptions(block_size=_BLOCK_BYTES),
            parse_options=pa_json.ParseOptions(
                explicit_schema=pa.schema(list(types.items())), unexpected_field_behavior="error"
            ),
        )
    except pa.ArrowException:
        return None
    numbers = (column for column in table.columns if pa.types.is_floating(column.type))
    finite = all(pc.all(pc.is_finite(column), min_count=0).as_py() is not False for column in numbers)
    return dict(zip(table.column_names, table.columns, strict=True)) if finite and table.num_rows == rows else None


def _convert_rows(lines: pa.Array, kinds: Mapping[str, str], *, is_full: bool = False) -> Converted:
    converted = Converted({})
    fits = {name: _FIT[kind] for name, kind in kinds.items() if name.startswith(FEATURE_PREFIX)}
    values: dict[str, list[Any]] = {name: [None] * len(lines) for name in fits}
    for row, line in enumerate(lines.to_pylist()):
        features = _decode_json(line)
        if not isinstance(features, dict):
            converted.misfits[row].append("features")
            continue
        has_surplus = False
        for name, value in features.items():
            column = feature_column(name)
            fit = fits.get(column)
            if fit is None:
                if is_full:
                    has_surplus |= value is not None
                else:
                    converted.unseen[column].extend([] if value is None else [value])
                continue
            fitted = fit(value)
            if fitted is _NULL:
                converted.misfits[row].append(column)
            else:
                values[column][row] = fitted
        if has_surplus:
            converted.misfits[row].append(SURPLUS_FEATURES)
    converted.columns = {name: pa.chunked_array([pa.array(values[name], ARROW_TYPES[kinds[name]])]) for name in fits}
    return converted


def _decode_json(text: str) -> Any:
    try:
        return _decode(text)
    except msgspec.DecodeError:
        pass
    try:
        return json.loads(text)  # accepts numbers beyond float64
    except ValueError:
        return _NULL


def _numeric(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _NULL
    try:
        number = float(value)
    except OverflowError:
        return _NULL
    return number if math.isfinite(number) else _NULL


def _categorical(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)  # 1 and 1.0 are one label
    return str(value) if isinstance(value, int) else _NULL


def _boolean(value: Any) -> Any:
    return value if value is None or isinstance(value, bool) else _NULL


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else _NULL


_FIT: Mapping[str, Callable[[Any], Any]] = {
    "numeric": _numeric,
    "categorical": _categorical,
    "boolean": _boolean,
    "text": _text,
}
