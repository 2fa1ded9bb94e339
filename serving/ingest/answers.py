"""What the routes of rows have in common: their parameters, whom the ledger names, what they answer.

What a row is, and storing it, belong to each route's own schema and service.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qs

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.types import Scope

from guard_store.ingest.rows import Sender
from serving.http.problems import Unprocessable
from serving.http.raw_request import RawRequest
from serving.http.raw_route import Parameter
from serving.ingest.events.service import Receipt
from serving.ingest.row_schema import RowError

ENCODING: Final = Parameter("Content-Encoding", "header", Literal["gzip", "zstd", "identity"], "Of the body.")
ATOMIC: Final = Parameter("atomic", "query", bool, "true: all rows or none.", {"default": False})

_ERRORS_LISTED = 100


class Acknowledgement(msgspec.Struct):
    """A row that is durable."""

    event_id: str
    status: Literal["accepted", "duplicate"]


class RejectedRow(msgspec.Struct):
    """Why a row was rejected."""

    index: int
    field: str
    reason: str


class Summary(msgspec.Struct):
    """What became of a batch of rows."""

    accepted: int
    duplicates: Annotated[int, Meta(description="Rows whose event_id was stored before.")]
    rejected: int
    errors: Annotated[list[RejectedRow], Meta(description="The first 100 rejected rows.")]
    errors_not_listed: Annotated[int | UnsetType, Meta(description="Rejected rows beyond those listed.")] = UNSET
    event_ids: Annotated[
        list[str | None] | UnsetType,
        Meta(description="Ids by row, where at least one was made here; null for a rejected row."),
    ] = UNSET


def summary(receipt: Receipt, n: int) -> Summary:
    """What became of a batch of `n` rows."""
    answer = Summary(
        accepted=receipt.outcome.accepted,
        duplicates=len(receipt.outcome.duplicates),
        rejected=len(receipt.errors),
        **listed(receipt.errors),
    )
    if receipt.made_ids:
        ids: list[str | None] = [None] * n
        for place, row in zip(receipt.places, receipt.rows, strict=True):
            ids[place] = row.event_id
        answer.event_ids = ids
    return answer


def listed(errors: Sequence[RowError]) -> dict[str, Any]:
    """The first errors, and how many more there are."""
    listed = [RejectedRow(e.index, e.field, e.reason) for e in errors[:_ERRORS_LISTED]]
    more = len(errors) - len(listed)
    return {"errors": listed, "errors_not_listed": more} if more else {"errors": listed}


def acknowledge(event_id: str, *, is_duplicate: bool) -> tuple[int, Acknowledgement]:
    """Status and answer for one row that is durable."""
    if is_duplicate:
        return 200, Acknowledgement(event_id, "duplicate")
    return 201, Acknowledgement(event_id, "accepted")


def is_atomic(scope: Scope) -> bool:
    """Whether all rows or none are wanted.

    Raises
    ------
    Unprocessable
        If the query says something else.
    """
    given = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    value: str = given.pop("atomic", ["false"])[-1]
    if given:
        raise Unprocessable(f"There is no parameter {min(given)[:80]!r}: the only one is atomic=true or atomic=false.")
    if value not in {"true", "false"}:
        raise Unprocessable("Parameter atomic must be true or false.")
    return value == "true"


def sender_of(request: RawRequest) -> Sender:
    """The caller as the ledger names the sender of rows."""
    return Sender(request.route, request.principal.key_id, request.principal.role)


def mark_recorded(request: RawRequest, receipt: Receipt) -> None:
    """Keep the middleware from writing what the transaction of the rows has put on the ledger already."""
    if receipt.outcome.accepted or receipt.outcome.duplicates:
        request.entry.committed = True


def refuse_atomic(receipt: Receipt, n: int) -> None:
    """Refuse all rows of an atomic batch if one is bad.

    Raises
    ------
    Unprocessable
        If there are errors: with them.
    """
    if receipt.errors:
        raise Unprocessable(
            f"{len(receipt.errors)} of {n} rows are bad and atomic=true: nothing was stored.", **listed(receipt.errors)
        )
