"""Parameters and responses of the routes that receive rows.

The schema of a row, and storing it, belong to the domain of each route.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from guard_store.ingest.rows import Sender
from serving.http.raw_request import RawRequest
from serving.http.raw_route import Parameter
from serving.ingest.events.service import Receipt
from serving.ingest.row_schema import RowError

ENCODING: Final = Parameter("Content-Encoding", "header", Literal["gzip", "zstd", "identity"], "Of the body.")
ATOMIC: Final = Parameter("atomic", "query", bool, "true: all rows or none.", {"default": False})

_ERRORS_LISTED = 100


class Acknowledgement(msgspec.Struct):
    """The response to a single row, once it is durable."""

    event_id: str
    status: Literal["accepted", "duplicate"]


class RejectedRow(msgspec.Struct):
    """A rejected row: its index in the request, the invalid field, and the reason."""

    index: int
    field: str
    reason: str


class Summary(msgspec.Struct):
    """The response to a batch of rows."""

    accepted: int
    duplicates: Annotated[int, Meta(description="Rows whose event_id was stored before.")]
    rejected: int
    errors: Annotated[list[RejectedRow], Meta(description="The first 100 rejected rows.")]
    errors_not_listed: Annotated[int | UnsetType, Meta(description="Rejected rows beyond those listed.")] = UNSET
    event_ids: Annotated[
        list[str | None] | UnsetType,
        Meta(description="Ids by row, if the server generated at least one; null for a rejected row."),
    ] = UNSET


def summarise(receipt: Receipt, n: int) -> Summary:
    """Summarise the receipt of a batch of `n` rows."""
    summary = Summary(
        accepted=receipt.outcome.accepted,
        duplicates=len(receipt.outcome.duplicates),
        rejected=len(receipt.errors),
        **list_errors(receipt.errors),
    )
    if receipt.has_new_ids:
        ids: list[str | None] = [None] * n
        for index, row in zip(receipt.indices, receipt.rows, strict=True):
            ids[index] = row.event_id
        summary.event_ids = ids
    return summary


def list_errors(errors: Sequence[RowError]) -> dict[str, Any]:
    """Return the first errors, and the number of the others if there are any, as members of a response."""
    rows = [RejectedRow(e.index, e.field, e.reason) for e in errors[:_ERRORS_LISTED]]
    more = len(errors) - len(rows)
    return {"errors": rows, "errors_not_listed": more} if more else {"errors": rows}


def acknowledge(event_id: str, *, is_duplicate: bool) -> tuple[int, Acknowledgement]:
    """Return the status and the response for a single durable row."""
    if is_duplicate:
        return 200, Acknowledgement(event_id, "duplicate")
    return 201, Acknowledgement(event_id, "accepted")


def sender_of(request: RawRequest) -> Sender:
    """Return the caller as the sender of rows in the ledger."""
    return Sender(request.route, request.principal.key_id, request.principal.role)
