"""HTTP as `ml-guard serve` speaks it: uvicorn's, with limits on what comes before a request is one.

An endless header, or one that comes byte by byte, would otherwise hold memory and a connection for ever. And the head of an
answer leaves with its body: one call of the system, and one packet, instead of two.
"""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

_HEAD = b"HTTP/1.1 "  # as every status line of uvicorn begins


class TooLargeHeaderError(Exception):
    """Makes the parser stop."""


class HeadWithBody:
    """A transport that holds the head of an answer until its first piece of body, or the end of this turn of the loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's own."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send, together with what was held."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Send what was held, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    header_timeout_s: ClassVar[float] = 10.0
    most_header_bytes: ClassVar[int] = 64 * 1024

    _in_header = True  # of a request that is not complete; between two requests uvicorn's own timer runs
    _header_bytes = 0
    _too_large = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(HeadWithBody(transport, self.loop))  # type: ignore[arg-type]
        self._timer = self.loop.call_later(self.header_timeout_s, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has come; while headers are incomplete, count it and let time run."""
        self._header_bytes += len(data)
        super().data_received(data)
        if not self._in_header or self.transport.is_closing():
            return
        if self._header_bytes > self.most_header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._timer is None and self._header_bytes:
            self._timer = self.loop.call_later(self.header_timeout_s, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def on_headers_complete(self) -> None:
        """A request has begun."""
        self._in_header = False
        self._stop_timer()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.most_header_bytes:
            self._too_large = True
            raise TooLargeHeaderError
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next header is the next request's."""
        super().on_message_complete()
        self._in_header, self._header_bytes = True, 0

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong, and close."""
        if self._too_large:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            super().send_400_response(msg)

    def _refuse(self, status: HTTPStatus) -> None:
        self._stop_timer()
        if not self.transport.is_closing():
            if self._header_bytes:  # nobody has asked anything where there is none
                self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
