"""`POST /api/v1/events` and `/api/v1/events/batch`: raw ASGI, because at this rate a framework's layers cost most.

One service call each; what a body may be is `formats`, what an event may be is `schemas`.
"""

import asyncio
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from serving.errors import Unprocessable, UnsupportedMedia
from serving.events.body import body_pieces, header, whole_body
from serving.events.formats import JSON, media_type, read_one, reader
from serving.events.openapi import openapi_paths
from serving.events.service import EventService, Receipt
from serving.security import Principal, authenticate

__all__ = ["openapi_paths", "routes"]

_ERRORS_LISTED = 100
_THREAD_BYTES = 2**20  # a body of this size is read beside the event loop, not in it

_encode = msgspec.json.Encoder().encode


async def _caller(scope: Scope) -> Principal:
    principal = await authenticate(scope)
    principal.require("analyst")
    return principal


class _One:
    """One event."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = await _caller(scope)
        service: EventService = scope["app"].state.services.events
        content_type = header(scope, b"content-type")
        if media_type(content_type) not in {"", JSON}:
            raise UnsupportedMedia(
                f"Content-Type {content_type[:80]!r} is not read here: send {JSON}; batches go to /api/v1/events/batch."
            )
        service.require_room()
        checked = read_one(await whole_body(scope, receive, service.max_body_bytes), service.schema)
        event_id, is_duplicate = await service.take_one(
            checked, partial(principal.require, "analyst"), _request_id(scope)
        )
        status, word = (200, "duplicate") if is_duplicate else (201, "accepted")
        await _send_json(send, status, {"event_id": event_id, "status": word})


class _Batch:
    """Many events."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = await _caller(scope)
        service: EventService = scope["app"].state.services.events
        atomic = _is_atomic(scope)
        batch = service.new_batch()
        lines = reader(header(scope, b"content-type"), service.schema, batch)
        service.require_room()
        size = 0
        async for piece in body_pieces(scope, receive, service.max_body_bytes):
            size += len(piece)
            lines.feed(piece)
        if size < _THREAD_BYTES:
            lines.finish()
        else:
            await asyncio.to_thread(lines.finish)
        receipt = await service.take(batch, partial(principal.require, "analyst"), _request_id(scope), atomic=atomic)
        if atomic and receipt.errors:
            raise Unprocessable(
                f"{len(receipt.errors)} of {batch.n} rows are bad and atomic=true: nothing was stored.",
                **_listed(receipt.errors),
            )
        await _send_json(send, 200, _summary(receipt, batch.n))


def _summary(receipt: Receipt, n: int) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "accepted": receipt.outcome.accepted,
        "duplicates": len(receipt.outcome.duplicates),
        "rejected": len(receipt.errors),
        **_listed(receipt.errors),
    }
    if receipt.made_ids:
        ids: list[str | None] = [None] * n
        for place, row in zip(receipt.places, receipt.rows, strict=True):
            ids[place] = row[1]
        summary["event_ids"] = ids
    return summary


def _listed(errors: Any) -> dict[str, Any]:
    listed = [{"index": e.index, "field": e.field, "reason": e.reason} for e in errors[:_ERRORS_LISTED]]
    more = len(errors) - len(listed)
    return {"errors": listed, "errors_not_listed": more} if more else {"errors": listed}


def _is_atomic(scope: Scope) -> bool:
    given = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    value: str = given.pop("atomic", ["false"])[-1]
    if given:
        raise Unprocessable(f"There is no parameter {min(given)[:80]!r}: the only one is atomic=true or atomic=false.")
    if value not in {"true", "false"}:
        raise Unprocessable("Parameter atomic must be true or false.")
    return value == "true"


def _request_id(scope: Scope) -> str:
    request_id: str = scope["state"]["request_id"]
    return request_id


async def _send_json(send: Send, status: int, answer: dict[str, Any]) -> None:
    body = _encode(answer)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


routes = [
    Route("/api/v1/events", _One(), methods=["POST"], name="send_event"),
    Route("/api/v1/events/batch", _Batch(), methods=["POST"], name="send_events"),
]
