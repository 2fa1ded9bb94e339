"""Responses of server-sent events: an error before the first event has a status, a later one is the last event."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import anyio
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from serving.audit.entry import AuditEntry
from serving.http.body import wait_for_disconnect
from serving.http.problems import ClientDisconnected, Problem, unexpected
from serving.http.server_sent_events import HEADERS, MEDIA_TYPE

_log = logging.getLogger(__name__)


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
    return _EventStream(_all_pieces(first, pieces, entry), media_type=MEDIA_TYPE, headers=HEADERS)


class _EventStream(StreamingResponse):
    """A stream that closes its iterator however it ends: Starlette leaves that to the garbage collector."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await cast("AsyncGenerator[bytes]", self.body_iterator).aclose()


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
        with anyio.CancelScope(shield=True):
            await asyncio.gather(waiting, disconnected, return_exceptions=True)


async def _all_pieces(first: bytes, pieces: AsyncGenerator[bytes], entry: AuditEntry) -> AsyncGenerator[bytes]:
    async with aclosing(pieces):
        try:
            yield first
            async for piece in pieces:
                yield piece
        except Exception as error:
            if entry.stream_error is None:
                raise
            if not isinstance(error, Problem):
                _log.exception("a stream failed unexpectedly")
            yield entry.stream_error(error if isinstance(error, Problem) else unexpected())
