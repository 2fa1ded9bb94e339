"""Rows of an import checked without a server: by the contract that it holds them to."""

from typing import TYPE_CHECKING

from guard_cli.history.requests import iter_batches
from guard_cli.history.rows import split_events
from guard_core.settings import Settings

if TYPE_CHECKING:  # help must not wait for Arrow and msgspec
    import pyarrow as pa

    from serving.ingest.row_schema import R, RowError, RowSchema


def find_refusals(events: "pa.Table", settings: Settings) -> "dict[str, list[RowError]]":
    """Return the errors of the rows that the server would refuse, by `events` and `labels`.

    The first accepted day, the present and duplicates are the server's to know, and are not checked.
    """
    from serving.ingest.events.schemas import EventSchema
    from serving.ingest.labels.schemas import LabelSchema

    rows, labels = split_events(events)
    refusals = {"events": _errors(rows, EventSchema(settings))}
    if labels is not None:
        refusals["labels"] = _errors(labels, LabelSchema(settings))
    return refusals


def _errors(rows: "pa.Table", schema: "RowSchema[R]") -> "list[RowError]":
    from serving.ingest.arrow import iter_arrow_rows
    from serving.ingest.row_schema import RowError

    checked = (
        schema.check(row, start + index)
        for start, body in iter_batches(rows)
        for index, row in enumerate(iter_arrow_rows(body))
    )
    return [row for row in checked if isinstance(row, RowError)]
