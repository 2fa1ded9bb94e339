"""Responses of server-sent events: an error before the first event has a status, a later one is the last event."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import StreamingResponse

from serving.audit.entry import AuditEntry
from serving.http.body import wait_for_disconnect
from serving.http.problems import ClientDisconnected, Problem
from serving.http.server_sent_events import HEADERS, MEDIA_TYPE


async def stream_response(pieces: AsyncGenerator[bytes], request: Request, entry: AuditEntry) -> StreamingResponse:
    """Wait for the first event of a stream, and return the response that sends all events.

    The response closes `pieces` if the client disconnects; `entry.stream_error` renders an error as an event.

    Raises
    ------
    Problem
        If the stream ends in an error before its first event, or the client disconnects.
    """
    entry.details["stream"] = True
    first = await _first_piece(pieces, request)
    return StreamingResponse(_all_pieces(first, pieces, entry), media_type=MEDIA_TYPE, headers=HEADERS)


async def _first_piece(pieces: AsyncGenerator[bytes], request: Request) -> bytes:
    waiting = asyncio.ensure_future(anext(pieces, b""))
    disconnected = asyncio.ensure_future(wait_for_disconnect(request.receive))
    try:
        await asyncio.wait((waiting, disconnected), return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        raise ClientDisconnected
    finally:
        for task in (waiting, disconnected):
            task.cancel()
        await asyncio.gather(waiting, disconnected, return_exceptions=True)


async def _all_pieces(first: bytes, pieces: AsyncGenerator[bytes], entry: AuditEntry) -> AsyncGenerator[bytes]:
    async with aclosing(pieces):
        try:
            yield first
            async for piece in pieces:
                yield piece
        except Problem as problem:
            if entry.stream_error is None:
                raise
            yield entry.stream_error(problem)
