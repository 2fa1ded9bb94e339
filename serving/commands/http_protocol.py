"""HTTP as `ml-guard serve` speaks it: uvicorn's, with limits on what comes before a request is one.

An endless header, or one that comes byte by byte, would otherwise hold memory and a connection for ever.
"""

import asyncio
from http import HTTPStatus
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol


class TooLargeHeaderError(Exception):
    """Makes the parser stop."""


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
        super().connection_made(transport)
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
