"""The access log: one JSON line for each request, in the format of all other logs.

Lines are written in bulk several times a second: the logging module would cost a busy server a sixth of its time.
"""

import asyncio
import logging
import sys
from datetime import UTC, datetime

import msgspec

_NAME = "serving.access"
_FLUSH_S = 0.1
_FLUSH_LINES = 1_000


class _Line(msgspec.Struct):
    time: datetime
    level: str
    logger: str
    message: str
    request_id: str
    method: str
    path: str
    route: str
    status: int
    duration_ms: float
    client: str | None
    key_id: str | None


class AccessLog:
    """Buffers lines and writes them to stderr; `close` writes the rest.

    Parameters
    ----------
    level : least severe level that is logged; the lines are of level INFO.
    """

    def __init__(self, level: str) -> None:
        self._enabled = logging.getLevelNamesMapping()[level] <= logging.INFO
        self._encoder = msgspec.json.Encoder()
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(
        self,
        *,
        request_id: str,
        method: str,
        path: str,
        route: str,
        status: int,
        seconds: float,
        client: str | None,
        key_id: str | None,
    ) -> None:
        """Buffer the line of a request; `path` must not contain the query, which may hold personal data or secrets."""
        if not self._enabled:
            return
        line = _Line(
            datetime.now(UTC),
            "INFO",
            _NAME,
            "request",
            request_id,
            method,
            path,
            route,
            status,
            round(seconds * 1000, 3),
            client,
            key_id,
        )
        self._lines.append(self._encoder.encode(line))
        if len(self._lines) >= _FLUSH_LINES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_S, self.flush)

    def flush(self) -> None:
        """Write the buffered lines."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            lines, self._lines = self._lines, []
            sys.stderr.write(b"\n".join([*lines, b""]).decode())
            sys.stderr.flush()

    close = flush
