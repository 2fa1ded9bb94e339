"""Files of a history (CSV, Parquet, NDJSON; folders; S3 prefixes) as one table."""

import re
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from guard_cli.history.instants import convert_text
from guard_cli.terminal import CommandError

if TYPE_CHECKING:  # help must not wait for Arrow
    import pyarrow as pa

    from ml.tables.columns import ColumnType
    from ml.tables.read import FileTable

_COMPRESSIBLE = (".csv", ".tsv", ".ndjson", ".jsonl")
_SUFFIXES = (*_COMPRESSIBLE, ".parquet", ".pq")
_ENDINGS = (*_SUFFIXES, *(suffix + compression for suffix in _COMPRESSIBLE for compression in (".gz", ".bz2", ".zst")))
_ndjson_name = re.compile(r".*\.(?:ndjson|jsonl)(?:\.\w+)?", re.IGNORECASE).fullmatch
_NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_S3 = "s3://"


def read_history(source: str) -> "tuple[pa.Table, dict[str, str]]":
    """Return the rows of all files in the order of their names, and the reason by column that was left out.

    Raises
    ------
    CommandError
        If there is no file that can be read, or the files do not fit together.
    """
    if source.startswith(_S3):
        with tempfile.TemporaryDirectory() as folder:
            return _read_all(_download(source, Path(folder)), source)
    path = Path(source)
    if path.is_dir():
        files = {file: file.relative_to(path) for file in sorted(path.rglob("*"))}
        return _read_all({file: _partition(place) for file, place in files.items() if _is_table(place)}, source)
    if not path.exists():
        raise CommandError(f"there is no file or folder {source!r}")
    return _read_all({path: {}}, source)


def find_dates(table: "pa.Table") -> dict[str, str]:
    """Return the reason by column why columns of dates, times and durations are no features; one may be the time of the rows."""
    import pyarrow.types as pa_types

    names = [field.name for field in table.schema if pa_types.is_temporal(field.type)]
    return dict.fromkeys(names, "holds dates, which no feature may; convert it to a number, such as days since then")


def find_numbers_as_text(table: "pa.Table", names: Collection[str]) -> list[str]:
    """Return those of the named columns that are text, and hold nothing but numbers: so BigQuery exports integers as JSON."""
    import pyarrow.compute as pc
    import pyarrow.types as pa_types

    from ml.tables.columns import learn_type

    texts = [name for name in names if pa_types.is_string(table[name].type)]
    types = {name: learn_type(pc.fill_null(table[name], "")) for name in texts}
    return [name for name, column in types.items() if column is not None and column.name == "number"]


def _is_table(place: PurePath) -> bool:
    """Return whether a file of a folder is one to read; Spark and others keep their own files below names with a dot or underscore."""
    is_hidden = place.name.startswith(".") or any(part.startswith((".", "_")) for part in place.parts[:-1])
    return place.name.lower().endswith(_ENDINGS) and not is_hidden


def _partition(place: PurePath) -> dict[str, str]:
    """Return the values that the folders of a file name, as Hive, Spark and DuckDB write them: `region=north`."""
    parts = (part.partition("=") for part in place.parts[:-1])
    return {unquote(name): unquote(value) for name, sign, value in parts if name and sign}


def _read_all(paths: Mapping[Path, Mapping[str, str]], source: str) -> "tuple[pa.Table, dict[str, str]]":
    """Read files, each with the values of its partition."""
    import pyarrow as pa

    if not paths:
        raise CommandError(f"{source!r} has no file that ends with one of {', '.join(_SUFFIXES)}")
    tables = _read_files(paths)
    left_out = {name: reason for table in tables for name, reason in table.left_out.items()}
    try:
        table = pa.concat_tables(_alike([table.rows for table in tables]), promote_options="permissive")
    except pa.ArrowException as error:
        raise CommandError(f"the files of {source!r} do not fit together: {error}") from error
    return _with_types(table, {name for partition in paths.values() for name in partition}), left_out


def _read_files(paths: Mapping[Path, Mapping[str, str]]) -> "list[FileTable]":
    """Read the files that have rows, each with the values of its partition; at least one must have some."""
    from dataclasses import replace

    from ml.tables.read import AMBIGUOUS_DATES, NoRowsError

    types: dict[str, ColumnType] = {}
    tables: dict[Path, FileTable] = {}
    for path in paths:
        try:
            tables[path] = _read(path, types)
        except NoRowsError as error:  # of a day without predictions
            empty = error
    if not tables:
        raise CommandError(str(empty))
    for path, table in tables.items():
        if AMBIGUOUS_DATES in table.left_out.values():  # a later file may have told whether they begin with the day
            tables[path] = _read(path, types)
    spellings: dict[str, str] = {}
    return [
        replace(table, rows=_with_partition(_with_spellings(table.rows, spellings), paths[path]))
        for path, table in tables.items()
    ]


def _with_spellings(table: "pa.Table", spellings: dict[str, str]) -> "pa.Table":
    """Return a table whose names have no spaces around them, and are spelt as in the files before it where only case differs."""
    names = [name.strip() for name in table.column_names]
    if len({name.lower() for name in names}) < len(names):  # two columns differ in case only
        return table
    return table.rename_columns([spellings.setdefault(name.lower(), name) for name in names])


def _with_partition(table: "pa.Table", partition: Mapping[str, str]) -> "pa.Table":
    import pyarrow as pa

    for name, value in partition.items():
        if name not in table.column_names:  # Polars keeps the column in the file, too
            words = pa.repeat("" if value == _NO_PARTITION else value, len(table))
            table = table.append_column(name, words)
    return table


def _with_types(table: "pa.Table", names: Collection[str]) -> "pa.Table":
    """Convert columns of text from the names of folders to numbers, booleans or dates."""
    import pyarrow.types as pa_types

    from ml.tables.columns import learn_type

    for place, name in enumerate(table.column_names):
        if name in names and pa_types.is_string(table[name].type):
            column = learn_type(table[name])
            if column is not None:
                table = table.set_column(place, name, convert_text(table[name], column))
    return table


def _alike(tables: "list[pa.Table]") -> "list[pa.Table]":
    """Return the tables with a column as text in all of them if it is text in one, or only some of its times have offsets."""
    import pyarrow as pa

    types: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            types.setdefault(field.name, set()).add(field.type)
    texts = {name for name, kinds in types.items() if len(kinds) > 1 and _need_text(kinds)}
    return [
        table.cast(
            pa.schema([field.with_type(pa.string()) if field.name in texts else field for field in table.schema])
        )
        for table in tables
    ]


def _need_text(kinds: "Collection[pa.DataType]") -> bool:
    import pyarrow.types as pa_types

    times = [kind for kind in kinds if pa_types.is_timestamp(kind)]
    has_text = any(pa_types.is_string(kind) or pa_types.is_large_string(kind) for kind in kinds)
    return has_text or len({kind.tz is None for kind in times}) > 1


def _read(path: Path, types: "dict[str, ColumnType]") -> "FileTable":
    """Read a file; the first CSV file that tells the type of a column decides it for the others."""
    import pyarrow as pa

    from ml.tables.read import InputError, NoRowsError, read_table

    if not path.name.lower().endswith(_ENDINGS):
        raise CommandError(f"{path}: give a file that ends with one of {', '.join(_SUFFIXES)}")
    known = {name: column for name, column in types.items() if column.name != "date" or column.day_format}
    try:
        table = _read_ndjson(path) if _ndjson_name(path.name) else _with_nested_features(path, read_table(path, known))
    except NoRowsError:
        raise
    except InputError as error:
        raise CommandError(str(error)) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CommandError(f"{path}: {error}") from error
    for name, column in table.types.items():
        if name not in known:
            types[name] = column
    return table


def _read_ndjson(path: Path) -> "FileTable":
    """Read an NDJSON file, its times with the offsets that Arrow drops from them."""
    import pyarrow as pa
    import pyarrow.json as pa_json

    from ml.tables.columns import ColumnType
    from ml.tables.csv_format import as_utf8
    from ml.tables.read import NoRowsError, plain_table, read_content

    content = as_utf8(read_content(path))[0].strip()
    if not content:
        raise NoRowsError(f"{path}: the file is empty; give one with a row")
    if content.startswith(b"["):
        raise CommandError(f"{path}: holds a JSON array; write one object a line, as `jq -c '.[]'` does")
    try:
        table = pa_json.read_json(pa.BufferReader(content))
        times = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
        if times:
            schema = pa.schema([(name, pa.string()) for name in times])
            options = pa_json.ParseOptions(explicit_schema=schema)
            table = pa_json.read_json(pa.BufferReader(content), parse_options=options)
    except pa.ArrowInvalid as error:
        reason = re.sub(r"in row (\d+)", lambda match: f"in row {int(match[1]) + 1}", str(error))
        raise CommandError(f"{path}: {reason}; write one object a line, and a column's values in one type") from error
    for name in times:
        place = table.column_names.index(name)
        table = table.set_column(place, name, convert_text(table[name], ColumnType("date")))
    return plain_table(str(path), _with_feature_columns(table))


def _with_nested_features(path: Path, table: "FileTable") -> "FileTable":
    """Return the table of a Parquet file with the members of its struct `features` as columns."""
    from dataclasses import replace

    import pyarrow.parquet as pq

    from ml.tables.read import InputError, plain_table

    if not table.left_out.get("features", "").startswith("holds struct"):
        return table
    nested = plain_table(str(path), _with_feature_columns(pq.read_table(path, columns=["features"], partitioning=None)))
    repeated = set(nested.rows.column_names) & set(table.rows.column_names)
    if repeated:
        raise InputError(f"{path}: {min(repeated)!r} is a column and a member of `features`; rename one of them")
    rows = table.rows
    for name in nested.rows.column_names:
        rows = rows.append_column(name, nested.rows[name])
    left_out = {name: reason for name, reason in table.left_out.items() if name != "features"}
    return replace(table, rows=rows, types={**table.types, **nested.types}, left_out=left_out | dict(nested.left_out))


def _with_feature_columns(table: "pa.Table") -> "pa.Table":
    """Return a table of events, as they are sent to the server, with their features as columns."""
    import pyarrow.types as pa_types

    place = table.schema.get_field_index("features")
    if place < 0 or not pa_types.is_struct(table.schema.field(place).type):
        return table
    features = table.select([place]).flatten()
    names = [name.removeprefix("features.") for name in features.column_names]
    table = table.remove_column(place)
    for name, column in zip(names, features.columns, strict=True):
        table = table.append_column(name, column)
    return table


def _download(source: str, folder: Path) -> dict[Path, dict[str, str]]:
    """Download the files of a prefix, and return their paths with the values of their partitions."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, prefix = source.removeprefix(_S3).partition("/")
    try:
        client = boto3.client("s3")
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = sorted(item["Key"] for page in pages for item in page.get("Contents", ()))
        files = {}
        for number, key in enumerate(keys):
            below = PurePosixPath(key.removeprefix(prefix).lstrip("/") or PurePosixPath(key).name)
            if _is_table(below):
                path = folder / f"{number:06}-{below.name}"
                client.download_file(bucket, key, str(path))
                files[path] = _partition(PurePosixPath(key.removeprefix(prefix[: prefix.rfind("/") + 1])))
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"{source}: {error}") from error
    return files
