"""A request of many rows: read, stored, and recorded in the ledger, in the order that all routes of batches need.

Parsing is `formats`; checking and storing the rows belong to the service of each domain.
"""

from functools import partial
from typing import Protocol, TypeVar
from urllib.parse import parse_qs

from starlette.types import Scope

from guard_store.ingest.rows import Sender
from serving.http.problems import Unprocessable
from serving.http.raw_request import RawRequest
from serving.ingest.answers import list_errors, sender_of
from serving.ingest.events.service import Authorise, Receipt
from serving.ingest.formats import Batch, read_batch
from serving.ingest.row_schema import RowSchema

R = TypeVar("R")


class BatchService(Protocol[R]):
    """Stores batches of one kind of row: `EventService` and `LabelService`."""

    @property
    def schema(self) -> RowSchema[R]:
        """The contract of a row."""

    @property
    def max_body_bytes(self) -> int:
        """Maximum size of a body, decompressed."""

    def new_batch(self) -> Batch[R]:
        """Make an empty batch."""

    def require_room(self) -> None:
        """Refuse a request before its body is read if the queue has no room."""

    async def store_batch(
        self, batch: Batch[R], authorise: Authorise, request_id: str, sender: Sender, *, atomic: bool
    ) -> Receipt:
        """Store the valid rows; return once they are durable."""


async def receive_batch(request: RawRequest, service: BatchService[R]) -> tuple[Batch[R], Receipt]:
    """Read the rows of a request and store them; return once they are durable.

    Raises
    ------
    Unprocessable
        If the query is invalid, or a row is while `atomic=true`: then nothing was stored.
    Problem
        As `read_batch`, `require_room` and `store_batch`.
    """
    atomic = _is_atomic(request.scope)
    batch = service.new_batch()
    service.require_room()
    await read_batch(request.scope, request.receive, service.schema, batch, service.max_body_bytes)
    authorise = partial(request.principal.require, "analyst")
    receipt = await service.store_batch(batch, authorise, request.request_id, sender_of(request), atomic=atomic)
    if atomic:
        _refuse_atomic(receipt, batch.n)
    _mark_recorded(request, receipt)
    return batch, receipt


def _is_atomic(scope: Scope) -> bool:
    """Return the value of the query parameter `atomic`.

    Raises
    ------
    Unprocessable
        If the value is not a boolean.
    """
    parameters = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    value: str = parameters.get("atomic", ["false"])[-1]
    if value not in {"true", "false"}:
        raise Unprocessable("Parameter atomic must be true or false.")
    return value == "true"


def _mark_recorded(request: RawRequest, receipt: Receipt) -> None:
    """Mark the ledger entry as committed if the transaction of the rows has written it."""
    if receipt.outcome.accepted or receipt.outcome.duplicates:
        request.entry.committed = True


def _refuse_atomic(receipt: Receipt, n: int) -> None:
    """Refuse an atomic batch in which a row was rejected.

    Raises
    ------
    Unprocessable
        If there are errors; it lists them.
    """
    if receipt.errors:
        raise Unprocessable(
            f"{len(receipt.errors)} of {n} rows are bad and atomic=true: nothing was stored.",
            **list_errors(receipt.errors),
        )
