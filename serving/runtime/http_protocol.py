"""The HTTP protocol of `ml-guard serve`: uvicorn's, with limits on the headers of a request.

Without them, an endless header, or one that arrives byte by byte, would hold memory and a connection forever. The head of a
response is sent together with its body: one system call and one packet instead of two.
"""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

_HEAD = b"HTTP/1.1 "  # prefix of every status line of uvicorn


class TooLargeHeaderError(Exception):
    """The headers are too large; stops the parser."""


class HeadBuffer:
    """A transport that buffers the head of a response until the first write of its body, or the next turn of the loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        """Delegate all other attributes to the transport."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send data together with the buffered head, or buffer it if it is a head."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Send the buffered head, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)


class GuardedProtocol(HttpToolsProtocol):
    """One connection, with limits on the size of headers and on the time until they are complete."""

    header_timeout_s: ClassVar[float] = 10.0
    max_header_bytes: ClassVar[int] = 64 * 1024

    _in_header = True  # also between two requests, where uvicorn's own timer runs
    _header_bytes = 0
    _too_large = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer of the first request."""
        super().connection_made(HeadBuffer(transport, self.loop))  # type: ignore[arg-type]
        self._timer = self.loop.call_later(self.header_timeout_s, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse data; while headers are incomplete, count their bytes and run their timer."""
        self._header_bytes += len(data)
        super().data_received(data)
        if not self._in_header or self.transport.is_closing():
            return
        if self._header_bytes > self.max_header_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._timer is None and self._header_bytes:
            self._timer = self.loop.call_later(self.header_timeout_s, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def on_headers_complete(self) -> None:
        """Stop the timer, and refuse headers that are too large."""
        self._in_header = False
        self._stop_timer()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.max_header_bytes:
            self._too_large = True
            raise TooLargeHeaderError
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Reset the limits for the headers of the next request."""
        super().on_message_complete()
        self._in_header, self._header_bytes = True, 0

    def send_400_response(self, msg: str) -> None:
        """Send 431 if the headers are too large, else 400, and close."""
        if self._too_large:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            super().send_400_response(msg)

    def _refuse(self, status: HTTPStatus) -> None:
        self._stop_timer()
        if not self.transport.is_closing():
            if self._header_bytes:  # a connection without a request gets no response
                self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
