"""Read feature JSON whose rows all have the same keys in the same order as comma-separated text, at half the cost of JSON.

The events of one client usually are regular in this way. Every key of every row is compared; input that is not exactly
regular (escapes, commas in values, another order, values of another type) is rejected, and read as JSON by `values`.
"""

import re
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

_BLOCK_BYTES = 1 << 20
_KEY = re.compile(r'\s*(?:\{\s*)?"([^"\\]*)"\s*:\s*')


def read_regular(text: pa.Buffer, rows: int, types: Mapping[str, pa.DataType]) -> dict[str, pa.ChunkedArray] | None:
    """Return typed columns by key, or None if the rows are not regular.

    Parameters
    ----------
    text : JSON objects, one a line.
    rows : number of rows.
    types : Arrow type by key; rows must have no other keys. A key of type null must have only null values.
    """
    prefixes = _prefixes(text)
    if prefixes is None or not prefixes.keys() <= types.keys():
        return None
    try:
        table = _table(text, prefixes)
        if table.num_rows != rows:
            return None
        *_, last = prefixes
        table = table.set_column(len(prefixes) - 1, last, pc.ascii_rtrim(table.column(last), "}"))
        parsed = {name: _column(table.column(name), prefix, types[name]) for name, prefix in prefixes.items()}
    except pa.ArrowInvalid:
        return None
    columns = {name: column for name, column in parsed.items() if column is not None}
    if len(columns) < len(parsed):
        return None
    return columns | {name: pa.chunked_array([pa.nulls(rows, types[name])]) for name in types.keys() - columns.keys()}


def _prefixes(text: pa.Buffer) -> dict[str, str] | None:
    """Return the text before the value of each key in the first row, by key; None if that row is not regular."""
    line = _first_line(text)
    fields = [_KEY.match(part) for part in line.split(",")]
    if not line.endswith("}\n") or not all(fields):
        return None
    prefixes = {match[1]: match[0] for match in fields if match}
    return prefixes if len(prefixes) == len(fields) else None


def _first_line(text: pa.Buffer) -> str:
    size = 4096
    while True:
        line, end, _ = bytes(text.slice(0, min(size, text.size))).partition(b"\n")
        if end or size >= text.size:
            return (line + end).decode(errors="replace")
        size *= 2


def _table(text: pa.Buffer, prefixes: Mapping[str, str]) -> pa.Table:
    return pa_csv.read_csv(
        pa.BufferReader(text),
        read_options=pa_csv.ReadOptions(column_names=list(prefixes), block_size=_BLOCK_BYTES),
        parse_options=pa_csv.ParseOptions(quote_char=False, escape_char=False),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(prefixes, pa.string()), strings_can_be_null=False
        ),
    )


def _column(column: pa.ChunkedArray, prefix: str, kind: pa.DataType) -> pa.ChunkedArray | None:
    """Return the values after the prefix; None if one does not fit the type."""
    values = None if pa.types.is_null(kind) else _values(column, prefix, kind)
    if values is not None:
        return values
    # Nulls are looked for only here: testing each value of a file for null costs as much as parsing it.
    is_null = pc.equal(column, prefix + "null")
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.nulls(len(column))]) if _all(is_null) else None
    return _values(pc.if_else(is_null, None, column), prefix, kind) if pc.any(is_null).as_py() else None


def _values(column: pa.ChunkedArray, prefix: str, kind: pa.DataType) -> pa.ChunkedArray | None:
    text = pa.types.is_string(kind)
    start = prefix + '"' if text else prefix
    # A string cannot contain both a comma and the unescaped quotes of a key: text that starts like this is the key.
    if not _all(pc.starts_with(column, start)):
        return None
    values = pc.binary_replace_slice(column, 0, len(start), "")
    if text:
        fits = _all(pc.ends_with(values, '"')) and not pc.any(pc.match_substring(values, "\\")).as_py()
        return pc.ascii_rtrim(values, '"') if fits else None
    if pa.types.is_boolean(kind):
        true = pc.equal(values, "true")
        return true if _all(pc.or_(true, pc.equal(values, "false"))) else None
    try:
        numbers = values.cast(kind)
    except pa.ArrowInvalid:
        return None
    return numbers if _all(pc.is_finite(numbers)) else None


def _all(conditions: pa.ChunkedArray) -> bool:
    """Whether no condition is false; a null condition stands for a null value."""
    return pc.all(conditions, min_count=0).as_py() is not False
