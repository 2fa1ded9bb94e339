"""Files of a history (CSV, Parquet, NDJSON; folders; S3 prefixes) as one table."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from guard_cli.terminal import CommandError

if TYPE_CHECKING:  # help must not wait for Arrow
    import pyarrow as pa

_SUFFIXES = (".csv", ".tsv", ".parquet", ".pq", ".ndjson", ".jsonl")
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
            _download(source, Path(folder))
            return _read_all(sorted(Path(folder).iterdir()), source)
    path = Path(source)
    if path.is_dir():
        return _read_all(sorted(file for file in path.rglob("*") if file.suffix.lower() in _SUFFIXES), source)
    if not path.exists():
        raise CommandError(f"there is no file or folder {source!r}")
    return _read_all([path], source)


def _read_all(paths: list[Path], source: str) -> "tuple[pa.Table, dict[str, str]]":
    import pyarrow as pa

    if not paths:
        raise CommandError(f"{source!r} has no file that ends with one of {', '.join(_SUFFIXES)}")
    tables: list[pa.Table] = []
    left_out: dict[str, str] = {}
    types: dict[str, object] = {}
    for path in paths:
        table, reasons = _read(path, types)
        tables.append(table)
        left_out |= reasons
    try:
        return pa.concat_tables(_alike(tables), promote_options="permissive"), left_out
    except pa.ArrowException as error:
        raise CommandError(f"the files of {source!r} do not fit together: {error}") from error


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
    import pyarrow.json as pa_json

    from ml.tables.read import InputError, read_table

    try:
        if path.suffix.lower() in {".ndjson", ".jsonl"}:
            return pa_json.read_json(path), {}
        table = read_table(path, types or None)  # type: ignore[arg-type]
    except InputError as error:
        raise CommandError(str(error)) from error
    except (pa.ArrowException, OSError) as error:
        raise CommandError(f"{path}: {error}") from error
    types |= {name: kind for name, kind in table.types.items() if name not in types}
    return table.rows, dict(table.left_out)


def _download(source: str, folder: Path) -> None:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, prefix = source.removeprefix(_S3).partition("/")
    try:
        client = boto3.client("s3")
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        for number, key in enumerate(sorted(key for key in keys if Path(key).suffix.lower() in _SUFFIXES)):
            client.download_file(bucket, key, str(folder / f"{number:06}{Path(key).suffix.lower()}"))
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"{source}: {error}") from error
