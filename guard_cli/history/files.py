"""Files of a history (CSV, Parquet, NDJSON; folders; S3 prefixes) as one table."""

import re
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

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
    tables: list[pa.Table] = []
    left_out: dict[str, str] = {}
    types: dict[str, object] = {}
    for path, partition in paths.items():
        table, reasons = _read(path, types)
        tables.append(_with_partition(table, partition))
        left_out |= reasons
    try:
        table = pa.concat_tables(_alike(tables), promote_options="permissive")
    except pa.ArrowException as error:
        raise CommandError(f"the files of {source!r} do not fit together: {error}") from error
    return _with_types(table, {name for partition in paths.values() for name in partition}), left_out


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
                table = table.set_column(place, name, _converted(table[name], column))
    return table


def _converted(text: "pa.ChunkedArray", column: "ColumnType") -> "pa.ChunkedArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    from ml.tables.columns import convert

    unquoted = pa.chunked_array([pa.repeat(pa.scalar(value=False), len(text))])
    return convert(pc.fill_null(text, ""), column, delimiter=",", unquoted=unquoted)


def _alike(tables: "list[pa.Table]") -> "list[pa.Table]":
    """Return the tables with a column as text in all of them if it is text in one, such as times in CSV and NDJSON."""
    import pyarrow as pa

    types: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            types.setdefault(field.name, set()).add(field.type)
    texts = {
        name
        for name, kinds in types.items()
        if len(kinds) > 1 and any(pa.types.is_string(kind) or pa.types.is_large_string(kind) for kind in kinds)
    }
    return [
        table.cast(
            pa.schema([field.with_type(pa.string()) if field.name in texts else field for field in table.schema])
        )
        for table in tables
    ]


def _read(path: Path, types: dict[str, object]) -> "tuple[pa.Table, dict[str, str]]":
    """Read a file; the first CSV file decides the types of those after it."""
    import pyarrow as pa

    from ml.tables.read import InputError, read_table

    try:
        if _ndjson_name(path.name):
            table = _read_ndjson(path)
            return table.rows, dict(table.left_out)
        table = read_table(path, types or None)  # type: ignore[arg-type]
    except InputError as error:
        raise CommandError(str(error)) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CommandError(f"{path}: {error}") from error
    types |= {name: kind for name, kind in table.types.items() if name not in types}
    return table.rows, dict(table.left_out)


def _read_ndjson(path: Path) -> "FileTable":
    """Read an NDJSON file, its times with the offsets that Arrow drops from them."""
    import pyarrow as pa
    import pyarrow.json as pa_json

    from ml.tables.columns import ColumnType
    from ml.tables.read import plain_table

    table = pa_json.read_json(path)
    times = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
    if times:
        schema = pa.schema([(name, pa.string()) for name in times])
        table = pa_json.read_json(path, parse_options=pa_json.ParseOptions(explicit_schema=schema))
    for name in times:
        place = table.column_names.index(name)
        table = table.set_column(place, name, _converted(table[name], ColumnType("date")))
    return plain_table(str(path), table)


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
