"""`POST /api/v1/events` and `/api/v1/events/batch`: raw ASGI, because at this rate a framework's layers cost most.

One service call each; what a body may be is `formats`, what an event may be is `schemas`.
"""

from functools import partial

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from guard_store.ingest.rows import Sender
from serving.auth.principal import Principal
from serving.auth.security import authenticate
from serving.http.body import header, whole_body
from serving.http.problems import UnsupportedMedia
from serving.http.raw_answers import is_atomic, refuse_atomic, request_id, send_json, summary
from serving.ingest.events.service import EventService, Receipt
from serving.ingest.formats import JSON, media_type, read_batch, read_one


async def sending(scope: Scope) -> tuple[Principal, Sender]:
    """The caller, who may send rows, and as whom the ledger names them."""
    principal = await authenticate(scope)
    principal.require("analyst")
    return principal, Sender(scope["route"].path, principal.key_id, principal.role)


def on_record(scope: Scope, receipt: Receipt) -> None:
    """Rows that were stored are on the ledger already."""
    if receipt.outcome.accepted or receipt.outcome.duplicates:
        scope["state"]["record"].done = True


class _One:
    """One event."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal, sender = await sending(scope)
        service: EventService = scope["app"].state.services.events
        content_type = header(scope, b"content-type")
        if media_type(content_type) not in {"", JSON}:
            raise UnsupportedMedia(
                f"Content-Type {content_type[:80]!r} is not read here: send {JSON}; batches go to /api/v1/events/batch."
            )
        service.require_room()
        checked = read_one(await whole_body(scope, receive, service.max_body_bytes), service.schema)
        event_id, is_duplicate = await service.take_one(
            checked, partial(principal.require, "analyst"), request_id(scope), sender
        )
        scope["state"]["record"].done = True
        status, word = (200, "duplicate") if is_duplicate else (201, "accepted")
        await send_json(send, status, {"event_id": event_id, "status": word})


class _Batch:
    """Many events."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal, sender = await sending(scope)
        service: EventService = scope["app"].state.services.events
        atomic = is_atomic(scope)
        batch = service.new_batch()
        service.require_room()
        await read_batch(scope, receive, service.schema, batch, service.max_body_bytes)
        authorise = partial(principal.require, "analyst")
        receipt = await service.take(batch, authorise, request_id(scope), sender, atomic=atomic)
        if atomic:
            refuse_atomic(receipt, batch.n)
        on_record(scope, receipt)
        await send_json(send, 200, summary(receipt, batch.n))


routes = [
    Route("/api/v1/events", _One(), methods=["POST"], name="send_event"),
    Route("/api/v1/events/batch", _Batch(), methods=["POST"], name="send_events"),
]
