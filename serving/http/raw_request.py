"""One request of a raw route: its caller, its body, its answer as JSON.

Declaring the route is `serving.http.raw_route`; decompressing a body is `serving.http.body`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, TypeVar

import msgspec
from starlette.types import Receive, Scope, Send

from serving.audit.context import RequestContext
from serving.audit.entry import AuditEntry
from serving.auth.principal import Principal
from serving.http.body import header, read_body
from serving.http.dependencies import part_of
from serving.http.problems import Problem, unexpected
from serving.http.server_sent_events import RAW_HEADERS

T = TypeVar("T")

_log = logging.getLogger(__name__)

encode_json = msgspec.json.Encoder().encode

_JSON = (b"content-type", b"application/json")


class RawRequest:
    """A request of an authenticated caller who has the role that the route requires."""

    __slots__ = ("principal", "receive", "scope", "send")

    def __init__(self, principal: Principal, scope: Scope, receive: Receive, send: Send) -> None:
        self.principal = principal
        self.scope = scope
        self.receive = receive
        self.send = send

    @property
    def route(self) -> str:
        """Path of the route."""
        path: str = self.scope["route"].path
        return path

    @property
    def request_id(self) -> str:
        """Id of the request: the caller's `X-Request-ID` if it sent one."""
        request_id: str = self.scope["state"]["request_id"]
        return request_id

    @property
    def received_at(self) -> float:
        """When the request arrived, on the clock `time.perf_counter`."""
        received_at: float = self.scope["state"]["received_at"]
        return received_at

    @property
    def entry(self) -> AuditEntry:
        """The ledger's entry of this request."""
        entry: AuditEntry = self.scope["state"]["entry"]
        return entry

    def context(self, project_id: str | None, disconnected: "asyncio.Future[Any] | None" = None) -> RequestContext:
        """Return the context of this request for a project."""
        return RequestContext(
            self.route,
            self.request_id,
            self.principal,
            project_id,
            self.entry,
            disconnected,
            self.header(b"cache-control").lower(),
        )

    def part(self, kind: type[T]) -> T:
        """Return the part of a type of the running app."""
        return part_of(self.scope, kind)

    def header(self, name: bytes) -> str:
        """Return a header by its name in lower case, or the empty string."""
        return header(self.scope, name)

    def body(self, max_bytes: int) -> Awaitable[bytes]:
        """Return the decompressed body when awaited; raises as `serving.http.body.iter_body`."""
        return read_body(self.scope, self.receive, max_bytes)

    async def send_json(self, status: int, value: Any, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Send a response with a value as JSON; bytes must be encoded JSON already."""
        body = value if isinstance(value, bytes) else encode_json(value)
        length = (b"content-length", str(len(body)).encode())
        await self.send({"type": "http.response.start", "status": status, "headers": [_JSON, length, *headers]})
        await self.send({"type": "http.response.body", "body": body})

    async def send_stream(
        self,
        pieces: AsyncIterator[bytes],
        context: RequestContext,
        headers: Callable[[], Iterable[tuple[bytes, bytes]]] = tuple,
    ) -> None:
        """Send a response of server-sent events, until they end or the client disconnects.

        Parameters
        ----------
        headers : called with the first piece, for headers that are not final before.

        Raises
        ------
        Problem
            If the stream fails before its first piece; a later error is sent as the last event.
        """
        has_begun = False
        try:
            async for piece in pieces:
                if context.is_disconnected:
                    continue  # keep reading: the source ends by itself, and settles its usage
                if not has_begun:
                    has_begun = True
                    start = {"type": "http.response.start", "status": 200, "headers": [*RAW_HEADERS, *headers()]}
                    await self.send(start)
                await self.send({"type": "http.response.body", "body": piece, "more_body": True})
        except Exception as error:
            if context.is_disconnected:
                return
            if not has_begun or context.entry.stream_error is None:
                raise
            if not isinstance(error, Problem):
                _log.exception("a stream failed unexpectedly")
            body = context.entry.stream_error(error if isinstance(error, Problem) else unexpected())
            await self.send({"type": "http.response.body", "body": body, "more_body": False})
            return
        if not context.is_disconnected:
            await self.send({"type": "http.response.body", "body": b"", "more_body": False})
