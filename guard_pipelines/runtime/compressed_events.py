"""Events of Dagster's log on SQLite, compressed: of the 2 KB that Dagster writes for a materialisation, most is the same each time.

PostgreSQL compresses long values itself. Rows that were written as text are read as text.
"""

import zlib
from typing import Any

from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from sqlalchemy import Dialect, Text, types

# What events have in common. Stored rows need it as it is: never change it, add another one with a mark of its own.
_DICTIONARY = (
    b'{"__class__": "TableMetadataEntryData"{"__class__": "TimestampMetadataEntryData"dagster/partition_row_count'
    b'"entry_data": {"__class__": "FloatMetadataEntryData", "value": "ASSET_MATERIALIZATION_PLANNED", "logging_tags": {}, '
    b'"intends to materialize asset ["event_specific_data": {"__class__": "AssetMaterializationPlannedData", '
    b'"partitions_subset": null}{"__class__": "EventLogEntry", "dagster_event": {"__class__": "DagsterEvent", '
    b'"event_specific_data": {"__class__": "StepMaterializationData", "asset_lineage": [], "materialization": '
    b'{"__class__": "AssetMaterialization", "asset_key": {"__class__": "AssetKey", "path": [""]}, "description": null, '
    b'"metadata_entries": [{"__class__": "EventMetadataEntry", "description": null, "entry_data": {"__class__": '
    b'"IntMetadataEntryData", "value": 0}, "label": "models"}, {"__class__": "EventMetadataEntry", "description": null, '
    b'"entry_data": {"__class__": "UrlMetadataEntryData", "url": "http://127.0.0.1:8000/projects/"}, "label": "page"}, '
    b'{"__class__": "EventMetadataEntry", "description": null, "entry_data": {"__class__": "TextMetadataEntryData", "text": '
    b'"MarkdownMetadataEntryData", "md_str": "| project | model | day | state |\\n| --- | --- | --- | --- |\\n| "}, "label": '
    b'"verdicts"}], "partition": "20", "tags": {"dagster/code_version": "", "dagster/data_version": "", '
    b'"dagster/input_data_version/": "", "dagster/input_event_pointer/": ""}}}, "event_type_value": "ASSET_MATERIALIZATION", '
    b'"logging_tags": {"job_name": "daily", "op_name": "", "resource_fn_name": "None", "resource_name": "None", "run_id": "", '
    b'"step_key": ""}, "message": "Materialized value ", "pid": null, "pipeline_name": "daily", "solid_handle": {"__class__": '
    b'"SolidHandle", "name": "", "parent": null}, "step_handle": {"__class__": "StepHandle", "key": "", "solid_handle": '
    b'{"__class__": "SolidHandle", "name": "", "parent": null}}, "step_key": "", "step_kind_value": "COMPUTE"}, "error_info": '
    b'null, "level": 10, "message": "", "pipeline_name": "daily", "run_id": "", "step_key": "", "timestamp": '
    b'"user_message": "Materialized value '
)


def compress(text: str) -> bytes:
    """Compress the JSON text of an event.

    >>> decompress(compress('{"__class__": "EventLogEntry"}'))
    '{"__class__": "EventLogEntry"}'
    """
    compressor = zlib.compressobj(zdict=_DICTIONARY)
    return compressor.compress(text.encode()) + compressor.flush()


def decompress(data: bytes) -> str:
    """Return the text of a compressed event."""
    return zlib.decompressobj(zdict=_DICTIONARY).decompress(data).decode()


class CompressedText(types.TypeDecorator[str]):
    """A column of text whose values are compressed on SQLite."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Compress a value that is written."""
        return value if value is None or dialect.name != "sqlite" else compress(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Decompress a value that was written compressed."""
        return decompress(value) if isinstance(value, bytes) else value


def compress_events() -> None:
    """Let this process write and read compressed events; a process that writes as text can no longer read them."""
    SqlEventLogStorageTable.c.event.type = CompressedText()
