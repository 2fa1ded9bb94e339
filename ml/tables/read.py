"""CSV and Parquet files as tables of numbers, strings, booleans and dates.

Opening files, columns that are left out and plain Arrow types belong here; the encoding of CSV files is in `csv_format.py`, the types of
its columns in `columns.py`. Data frames in memory are in `frames.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from ml.tables.columns import (
    AMBIGUOUS_WORDS,
    AmbiguousDatesError,
    ColumnType,
    Type,
    cast_or_none,
    convert,
    decimal_sign,
    learn_type,
)
from ml.tables.csv_format import (
    as_utf8,
    delimiter_of,
    describe_fault,
    double_quotes,
    other_format,
    split_declared_delimiter,
    without_report,
)

_BLOCK_BYTES = 16 * 2**20  # a record must fit into one block
# The row index that pandas writes, with the name that pandas or Arrow gives it.
_INDEX_COLUMN = re.compile(r"(Unnamed: \d+(\.\d+)*|__index_level_\d+__)?")

_TEXT_SUFFIXES, _PARQUET_SUFFIXES = (".csv", ".tsv"), (".parquet", ".pq")
_COMPRESSED_STARTS = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".zst": b"\x28\xb5\x2f\xfd"}
_COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}

# Others are not what they are stored as: a period of pandas is a count of months.
_PLAIN_EXTENSIONS = {"arrow.json": pa.string(), "arrow.bool8": pa.bool_()}


AMBIGUOUS_DATES = "holds dates that may begin with the day or the month"
"""The reason why a column of such dates is left out; another file with the same column may tell which it is."""


class InputError(ValueError):
    """A table cannot be used; the message names the file, the column and the fix."""


class NoRowsError(InputError):
    """A file is empty, or has nothing after its header."""


@dataclass(frozen=True, slots=True)
class FileTable:
    """The rows of a file, or of a data frame in memory.

    Attributes
    ----------
    rows : columns of numbers, strings, booleans, dates (timestamps) or nulls.
    types : how the text of each column is read; absent columns have no value.
    left_out : the reason by column that has no use: an index, or a type that no feature has.
    guessed_encoding : the encoding of a CSV file that is neither marked nor UTF-8.
    """

    rows: pa.Table
    types: Mapping[str, ColumnType]
    left_out: Mapping[str, str]
    guessed_encoding: str | None = None

    @property
    def encoding_notice(self) -> str | None:
        """A line of text for people about a guessed encoding."""
        name = self.guessed_encoding
        return name and f"it is not UTF-8 and is read as {name}; save it as UTF-8 if that is wrong"


def read_table(path: Path, types: Mapping[str, ColumnType] | None = None) -> FileTable:
    """Read the rows of a CSV file (with a header), which may be compressed, or of a Parquet file.

    Parameters
    ----------
    types : types of a CSV file's columns, usually those of another file with the same columns; others are learned.

    Raises
    ------
    InputError
        If the file is missing, empty or not readable in the format of its suffix.
    """
    compression = _COMPRESSIONS.get(path.suffix.lower())
    suffix = (Path(path.stem) if compression else path).suffix.lower()
    if suffix not in (_TEXT_SUFFIXES if compression else (*_TEXT_SUFFIXES, *_PARQUET_SUFFIXES)):
        raise InputError(f"{path}: unknown type {path.suffix.lower() or '(none)'!r}; give a .csv or .parquet file")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give one of its files")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; give a readable {suffix} file")
    try:
        table = _read_parquet(path) if suffix in _PARQUET_SUFFIXES else _read_csv(path, read_content(path), types or {})
    except InputError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = " ".join(describe_fault(str(error)).split())[:500].rstrip(".")
        raise InputError(f"{path}: {reason}; give a readable {suffix} file") from error
    if not table.rows.num_rows:
        raise NoRowsError(f"{path}: no rows; give a file with at least one")
    return table


def read_content(path: Path) -> bytes:
    """Return the bytes of a file, decompressed as the end of its name says.

    Raises
    ------
    InputError
        If the file is not compressed so, or ends too early.
    """
    suffix = path.suffix.lower()
    if suffix not in _COMPRESSIONS:
        return path.read_bytes()
    content, compression = path.read_bytes(), _COMPRESSIONS[suffix]
    if not content:
        return content
    if not content.startswith(_COMPRESSED_STARTS[suffix]):
        actual = next((name for name, start in _COMPRESSED_STARTS.items() if content.startswith(start)), None)
        cure = f"rename it to end with {actual}" if actual else f"rename it without {suffix}, or compress it"
        raise InputError(f"{path}: is not compressed with {compression}, although its name ends with {suffix}; {cure}")
    try:
        with pa.input_stream(pa.BufferReader(content), compression=compression) as stream:
            return bytes(stream.read())
    except OSError as error:
        raise InputError(
            f"{path}: its {compression} stream is cut off or damaged ({error}); copy or download the file again"
        ) from error


def plain_table(name: str, table: pa.Table) -> FileTable:
    """Return the columns of an Arrow table that can be features.

    Parameters
    ----------
    name : of the table, for error messages.

    Raises
    ------
    InputError
        If two columns have the same name.
    ValueError
        If no column can be a feature.
    """
    _require_distinct(name, table.column_names)
    columns, left_out = {}, {}
    for field, column in zip(table.schema, table.columns, strict=True):
        extension = _unregistered_extension(field)
        plain = None if _INDEX_COLUMN.fullmatch(field.name) or extension else _plain(column)
        if plain is None:
            is_index = _INDEX_COLUMN.fullmatch(field.name)
            left_out[field.name] = "is an index" if is_index else f"holds {extension or column.type}"
        else:
            columns[field.name] = plain
    types = {name: learned for name, column in columns.items() if (learned := _column_type(column))}
    return FileTable(_table(columns), types, left_out)


def _read_parquet(path: Path) -> FileTable:
    with pq.ParquetFile(path) as file:
        return plain_table(str(path), file.read())


def _read_csv(path: Path, file_content: bytes, types: Mapping[str, ColumnType]) -> FileTable:
    if other := other_format(file_content):
        raise InputError(f"{path}: {other}")
    content, guessed_encoding = as_utf8(file_content)
    if not content.strip():
        raise NoRowsError(f"{path}: the file is empty; give one with a header and a row")
    declared, content = split_declared_delimiter(without_report(content))
    content = double_quotes(content)
    delimiter = declared or delimiter_of(content)
    text = _read_text(content, delimiter)
    _require_distinct(str(path), text.column_names)
    _require_names(path, text)
    left_out = {name: _reason(text, name) for name in text.column_names if _INDEX_COLUMN.fullmatch(name)}
    text = _without_index(text)
    before = next((column.decimal for column in types.values() if column.decimal), None)
    decimal = decimal_sign(text.columns, before or ("." if delimiter == "," else ","))
    unquoted = _unquoted_words(content, delimiter, text)
    columns, learned = {}, {}
    for name in text.column_names:
        column = types.get(name) or learn_type(text[name], decimal=decimal)
        if column is None:
            columns[name] = pa.chunked_array([pa.nulls(len(text))])
            continue
        try:
            columns[name] = convert(text[name], column, unquoted=unquoted[name], decimal=decimal)
        except AmbiguousDatesError:
            left_out[name] = AMBIGUOUS_DATES
        else:
            learned[name] = column
    return FileTable(_table(columns), learned, left_out, guessed_encoding)


def _read_text(content: bytes, delimiter: str, **options: object) -> pa.Table:
    header = pa_csv.open_csv(
        pa.BufferReader(content),
        read_options=pa_csv.ReadOptions(block_size=_BLOCK_BYTES),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
    ).schema.names
    return pa_csv.read_csv(
        pa.BufferReader(content),
        read_options=pa_csv.ReadOptions(block_size=_BLOCK_BYTES),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), **options),
    )


def _unquoted_words(content: bytes, delimiter: str, text: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Return by column where an ambiguous word is written without quotes."""
    words = pa.array(AMBIGUOUS_WORDS)
    occur = {name: pc.is_in(text[name], words) for name in text.column_names}
    if not any(pc.any(rows).as_py() for rows in occur.values()):
        return occur
    nulls = _read_text(
        content,
        delimiter,
        null_values=AMBIGUOUS_WORDS,
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    return {name: pc.is_null(nulls[name]) for name in text.column_names}


def _require_names(path: Path, table: pa.Table) -> None:
    """Refuse values without a name right of the first name: the first line is a title instead of the names of the columns."""
    names = table.column_names
    first = next((place for place, name in enumerate(names) if name), len(names))
    for place in (place for place in range(first, len(names)) if not names[place]):
        filled = pc.sum(pc.not_equal(table.column(place), "")).as_py() or 0
        if filled * 2 > len(table):
            raise InputError(
                f"{path}: column {place + 1} has values, but no name in the first line; name it, or remove lines above the names"
            )


def _reason(table: pa.Table, name: str) -> str:
    return "is an index" if name or not table.column_names[0] else "has no name"


def _without_index(table: pa.Table) -> pa.Table:
    """Select columns by place: spreadsheets write several columns without a name."""
    return table.select([place for place, name in enumerate(table.column_names) if not _INDEX_COLUMN.fullmatch(name)])


def _unregistered_extension(field: pa.Field) -> str | None:
    """Return the name of an extension type whose library is not imported, so that Arrow gives what it is stored as."""
    return (field.metadata or {}).get(b"ARROW:extension:name", b"").decode() or None


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return an Arrow column as numbers, strings, booleans, timestamps or nulls; None if it holds something else."""
    kind = column.type
    while pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        kind = kind.value_type
        column = column.cast(kind)
    if isinstance(kind, pa.BaseExtensionType):
        plain = _PLAIN_EXTENSIONS.get(kind.extension_name)
        return None if plain is None else column.cast(plain)
    if pa.types.is_decimal(kind) and kind.scale <= 0:  # Snowflake's and BigQuery's integers: ids must keep all digits
        integers = cast_or_none(column, pa.int64())
        return column.cast(pa.string()) if integers is None else integers
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return column.cast(pa.float64())
    if pa.types.is_string_view(kind):
        return column.cast(pa.large_string())
    if pa.types.is_date(kind):
        return column.cast(pa.timestamp("ms"))
    return column if pa.types.is_null(kind) or _type_of(kind) else None


def _column_type(column: pa.ChunkedArray) -> ColumnType | None:
    name = _type_of(column.type)
    if name is None or column.null_count == len(column):
        return None
    words = (word for word in AMBIGUOUS_WORDS if name == "text" and pc.any(pc.equal(column, word)).as_py())
    return ColumnType(name, frozenset(words))


def _type_of(kind: pa.DataType) -> Type | None:
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "number"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_timestamp(kind):
        return "date"
    return "text" if pa.types.is_string(kind) or pa.types.is_large_string(kind) else None


def _table(columns: Mapping[str, pa.ChunkedArray]) -> pa.Table:
    if not columns:
        raise ValueError("no column holds numbers, strings, booleans or dates")
    return pa.table(dict(columns))


def _require_distinct(table: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise InputError(f"{table}: column {repeated[0]!r} comes twice; rename one of them")
