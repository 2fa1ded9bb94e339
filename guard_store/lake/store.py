"""The Delta lake: one table per (project, model), partitioned by local day, a set of days replaced in one commit.

Tables, commits and files belong here; turning stored events into rows is `rows`.
"""

import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import ColumnProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError

from guard_store.lake.files import filesystem_of
from guard_store.lake.names import assign_names, column_of, stored_name

LOG_DAYS: Final = 400
"""Retention of table versions in the log: training runs refer to the version that they have read."""
_COMMIT_TRIES = 8
_ROW_GROUP_ROWS = 2**20
_ROW_GROUP_CELLS = 2**26  # a row group is in memory until it is written
_TABLE_SETTINGS: dict[str, str | None] = {
    "delta.checkpointInterval": "20",
    "delta.logRetentionDuration": f"interval {LOG_DAYS} days",
    "delta.enableExpiredLogCleanup": "true",
}
# Characters that are not allowed in file names of all systems, or have a meaning in paths and URLs.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]|^\.|\.$")

Rows: TypeAlias = pa.Table | Callable[[], pa.RecordBatchReader]
"""Rows with a column `day`; a stream is created again for each attempt to commit it."""


@dataclass(frozen=True, slots=True)
class LakeSnapshot:
    """One version of a table: the files and rows of each day."""

    version: int
    schema: pa.Schema
    filesystem: pafs.FileSystem
    _files: Mapping[str, tuple[str, ...]]
    _rows: Mapping[str, int]

    def files(self, day: str) -> tuple[str, ...]:
        """Return the Parquet paths of a day in `filesystem`; the files do not contain the partition column."""
        return self._files.get(day, ())

    def rows(self, day: str) -> int:
        """Return the number of rows of a day, according to the log."""
        return self._rows.get(day, 0)

    @property
    def days(self) -> list[str]:
        """Days that have rows, ascending."""
        return sorted(self._files)

    @property
    def columns(self) -> list[str]:
        """The columns of the table, by their own names."""
        return [column_of(name) for name in self.schema.names]

    def stored_name(self, column: str) -> str:
        """Return the name of a column in the files."""
        return stored_name(self.schema.names, column)


class Lake:
    """All tables under one root, a folder or an object store URL.

    Parameters
    ----------
    root : as `StorageSettings.lake` gives it.
    storage_options : for an object store, as deltalake names them; the environment's credentials are used by default.
    """

    def __init__(self, root: str, storage_options: Mapping[str, str] | None = None) -> None:
        self._root = root.rstrip("/")
        self._options = dict(storage_options or {})
        self._filesystem, self._path = filesystem_of(self._root, self._options)

    def uri(self, project_id: str, model_id: str) -> str:
        """Return the URI of a model's table."""
        return f"{self._root}/{path_safe(project_id)}/{path_safe(model_id)}"

    def folder(self, project_id: str, model_id: str) -> tuple[pafs.FileSystem, str]:
        """Return the file system of a model's table and its path there."""
        return self._filesystem, f"{self._path}/{path_safe(project_id)}/{path_safe(model_id)}"

    def snapshot(self, project_id: str, model_id: str, version: int | None = None) -> LakeSnapshot | None:
        """Return a snapshot of a model's table, by default the newest; None if the model has no table."""
        table = self.table(project_id, model_id, version)
        if table is None:
            return None
        _, folder = self.folder(project_id, model_id)
        files: dict[str, list[str]] = defaultdict(list)
        rows: Counter[str] = Counter()
        added = pa.table(table.get_add_actions(flatten=True)).select(["path", "num_records", "partition.day"])
        for path, records, day in zip(*(column.to_pylist() for column in added.columns), strict=True):
            if records:
                files[day.isoformat()].append(f"{folder}/{unquote(path)}")
                rows[day.isoformat()] += records
        by_day = {day: tuple(sorted(paths)) for day, paths in files.items()}
        return LakeSnapshot(table.version(), _schema(table), self._filesystem, by_day, rows)

    def replace_day(self, project_id: str, model_id: str, day: str, rows: Rows) -> int:
        """Replace the rows of a day in one commit; return the version of the table."""
        return self.replace_days(project_id, model_id, [day], rows)

    def replace_days(self, project_id: str, model_id: str, days: Collection[str], rows: Rows) -> int:
        """Replace the rows of these days only, in one commit; return the version of the table.

        A column whose type has changed is emptied on all other days: a change of a kind makes all days due again.

        Raises
        ------
        DeltaError
            If a row is of another day, or all attempts conflict with other writers.
        """
        for attempt in range(_COMMIT_TRIES):
            try:
                return self._replace(project_id, model_id, days, rows)
            except DeltaError as error:
                if not _is_conflict(error) or attempt == _COMMIT_TRIES - 1:
                    raise
                time.sleep(random.uniform(0.01, 0.1) * 2**attempt)  # noqa: S311 - only spreads writers in time
        raise AssertionError("unreachable: the last try returns or raises")

    def forget_days(self, project_id: str, model_id: str, days: Collection[str]) -> int:
        """Delete the rows of these days; return how many days had any. A later vacuum deletes the files."""
        snapshot = self.snapshot(project_id, model_id)
        table = self.table(project_id, model_id)
        if snapshot is None or table is None:
            return 0
        stored_days = sorted(set(days) & set(snapshot.days))
        if stored_days:
            table.delete(days_predicate(stored_days))
        return len(stored_days)

    def _replace(self, project_id: str, model_id: str, days: Collection[str], rows: Rows) -> int:
        # Opened before the rows are read, so that a commit in between is a conflict, and the rows are read again.
        table = self.table(project_id, model_id)
        stream = rows.to_reader() if isinstance(rows, pa.Table) else rows()
        table = table or self._create(project_id, model_id, stream.schema)
        stream = _with_stored_names(table, stream)
        changed = _changed_types(_schema(table), stream.schema)
        if changed:
            table = self._retype(table, changed)
        write_deltalake(
            table,
            stream,
            mode="overwrite",
            predicate=days_predicate(days),
            schema_mode="merge",
            writer_properties=_writer_properties(stream.schema),
        )
        return table.version()

    def table(self, project_id: str, model_id: str, version: int | None = None) -> DeltaTable | None:
        """Return a version of a model's Delta table, by default the newest; None if the model has no table."""
        try:
            return DeltaTable(self.uri(project_id, model_id), version=version, storage_options=self._options or None)
        except TableNotFoundError:
            return None

    def _create(self, project_id: str, model_id: str, schema: pa.Schema) -> DeltaTable:
        uri, names = self.uri(project_id, model_id), assign_names((), schema.names)
        if "://" not in uri:
            Path(uri).mkdir(parents=True, exist_ok=True)
        return DeltaTable.create(
            uri,
            pa.schema([pa.field(names[f.name], _stored(f.type)) for f in schema]),
            mode="ignore",
            partition_by=["day"],
            configuration=_TABLE_SETTINGS,
            storage_options=self._options or None,
        )

    def _retype(self, table: DeltaTable, changed: Mapping[str, pa.DataType]) -> DeltaTable:
        dataset = table.to_pyarrow_dataset()
        schema = pa.schema([pa.field(f.name, changed.get(f.name, f.type)) for f in dataset.schema])

        def clear_changed(batch: pa.RecordBatch) -> pa.RecordBatch:
            columns = [
                pa.nulls(batch.num_rows, field.type) if field.name in changed else batch.column(field.name)
                for field in schema
            ]
            return pa.RecordBatch.from_arrays(columns, schema=schema)

        batches = (clear_changed(batch) for batch in dataset.to_batches(columns=dataset.schema.names))
        stream = pa.RecordBatchReader.from_batches(schema, batches)
        properties = _writer_properties(schema)
        write_deltalake(table, stream, mode="overwrite", schema_mode="overwrite", writer_properties=properties)
        return table


def path_safe(name: str) -> str:
    """Return the folder name of an id: unique, and valid on all file systems and in URLs.

    >>> path_safe("flight-delay.v2"), path_safe(".."), path_safe("a/b~")
    ('flight-delay.v2', '~2E~2E', 'a~2Fb~7E')
    """
    return _UNSAFE.sub(lambda match: "".join(f"~{byte:02X}" for byte in match[0].encode()), name)


def days_predicate(days: Collection[str]) -> str:
    """Return an SQL condition that selects exactly these days.

    >>> days_predicate(["2013-01-02", "2013-01-01", "2013-01-04"])
    "day BETWEEN '2013-01-01' AND '2013-01-02' OR day BETWEEN '2013-01-04' AND '2013-01-04'"
    """
    ranges: list[tuple[date, date]] = []
    for day in sorted(map(date.fromisoformat, set(days))):
        if ranges and ranges[-1][1] + timedelta(days=1) == day:
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return " OR ".join(f"day BETWEEN '{first}' AND '{last}'" for first, last in ranges)


def _schema(table: DeltaTable) -> pa.Schema:
    return pa.schema(table.schema().to_arrow())


def _with_stored_names(table: DeltaTable, stream: pa.RecordBatchReader) -> pa.RecordBatchReader:
    names = assign_names(_schema(table).names, stream.schema.names)
    schema = pa.schema([field.with_name(names[field.name]) for field in stream.schema])
    if schema.names == stream.schema.names:
        return stream
    batches = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in stream)
    return pa.RecordBatchReader.from_batches(schema, batches)


def _changed_types(stored: pa.Schema, new: pa.Schema) -> dict[str, pa.DataType]:
    types = {field.name: field.type for field in stored}
    return {f.name: _stored(f.type) for f in new if f.name in types and types[f.name] != _stored(f.type)}


def _stored(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _writer_properties(schema: pa.Schema) -> WriterProperties:
    # Dictionary encoding makes repeated strings small, but numbers slow to read.
    encoded = ColumnProperties(dictionary_enabled=True)
    return WriterProperties(
        compression="LZ4_RAW",
        max_row_group_size=max(min(_ROW_GROUP_CELLS // len(schema), _ROW_GROUP_ROWS), 1),
        default_column_properties=ColumnProperties(dictionary_enabled=False),
        column_properties={f.name: encoded for f in schema if pa.types.is_dictionary(f.type)},
    )


def _is_conflict(error: DeltaError) -> bool:
    text = str(error).lower()
    return "commit" in type(error).__name__.lower() or "conflict" in text or "already exists" in text
