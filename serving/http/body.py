"""Reading the body of a request: in pieces, decompressed, and limited in size.

Parsing it belongs to the routes.
"""

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import zstandard
from starlette.types import Message, Receive, Scope

from serving.http.problems import BadRequest, TooLarge, UnsupportedMedia

_PIECE_BYTES = 2**18
_ZSTD_INPUT_BYTES = 512  # a zstd block of 4 bytes can expand to 128 KiB: this much input is 16 MiB at worst
_ZSTD_WINDOW_BYTES = 2**23  # the limit of RFC 9659 for HTTP senders
_GZIP = 16 + zlib.MAX_WBITS


def header(scope: Scope, name: bytes) -> str:
    """Return a request header, or the empty string."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""


async def iter_body(scope: Scope, receive: Receive, max_bytes: int) -> AsyncIterator[bytes]:
    """Yield the pieces of the decompressed body as it arrives.

    Raises
    ------
    TooLarge
        If the body is too large, compressed or decompressed.
    UnsupportedMedia
        If its content encoding is not supported.
    BadRequest
        If it cannot be decompressed, or the client disconnects before it is complete.
    """
    _check_length(scope, max_bytes)
    decompressor = make_decompressor(header(scope, b"content-encoding"))
    received = decompressed = 0
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise BadRequest("The request ended before its body was complete.")
        chunk, more = message.get("body", b""), message.get("more_body", False)
        received += len(chunk)
        if received > max_bytes:
            raise _too_large(max_bytes)
        for piece in decompressor.feed(chunk):
            decompressed += len(piece)
            if decompressed > max_bytes:
                raise _too_large(max_bytes)
            yield piece
    decompressor.finish()


async def read_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    """Return the whole decompressed body; raises as `iter_body`."""
    if not header(scope, b"content-encoding"):
        _check_length(scope, max_bytes)
        message = await receive()
        body: bytes = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body") and len(body) <= max_bytes:
            return body  # most bodies: the generator would cost more than the rest of the reading
        receive = _replay(message, receive)
    pieces = [piece async for piece in iter_body(scope, receive, max_bytes)]
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _replay(message: Message, receive: Receive) -> Receive:
    """Return a `receive` that returns a message again before it receives others."""
    messages = [message]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


async def wait_for_disconnect(receive: Receive) -> None:
    """Wait until the client disconnects; the body of the request must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


class _Identity:
    def feed(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk

    def finish(self) -> None:
        """Do nothing: the body cannot be incomplete."""


class _Gzip:
    def __init__(self) -> None:
        self._member: Any = zlib.decompressobj(_GZIP)
        self._started = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            if self._member.eof:  # gzip files may be concatenated
                self._member = zlib.decompressobj(_GZIP)
            self._started = True
            try:
                piece = self._member.decompress(chunk, _PIECE_BYTES)
            except zlib.error as error:
                raise BadRequest("The body is not gzip, although its Content-Encoding is gzip.") from error
            yield piece
            chunk = self._member.unconsumed_tail or self._member.unused_data
            if not chunk and len(piece) == _PIECE_BYTES:  # more output may be buffered in the decompressor
                while rest := self._member.decompress(b"", _PIECE_BYTES):
                    yield rest

    def finish(self) -> None:
        if self._started and not self._member.eof:
            raise BadRequest("The gzip body ends too early: send it completely.")


class _Zstd:
    def __init__(self) -> None:
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
        self._frame: Any = self._decompressor.decompressobj()
        self._started = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        for start in range(0, len(chunk), _ZSTD_INPUT_BYTES):
            rest = chunk[start : start + _ZSTD_INPUT_BYTES]
            while rest:
                if self._frame.eof:  # frames may be concatenated
                    self._frame = self._decompressor.decompressobj()
                self._started = True
                try:
                    yield self._frame.decompress(rest)
                except zstandard.ZstdError as error:
                    raise BadRequest(
                        "The body is not zstd with a window of at most 8 MiB, although its Content-Encoding is zstd."
                    ) from error
                rest = self._frame.unused_data if self._frame.eof else b""

    def finish(self) -> None:
        if self._started and not self._frame.eof:
            raise BadRequest("The zstd body ends too early: send it completely.")


def make_decompressor(encoding: str) -> _Identity | _Gzip | _Zstd:
    """Make an incremental decompressor for a content encoding.

    Raises
    ------
    UnsupportedMedia
        If the encoding is not supported.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return _Identity()
        case "gzip" | "x-gzip":
            return _Gzip()
        case "zstd":
            return _Zstd()
    raise UnsupportedMedia(f"Content-Encoding {encoding[:80]!r} is not supported: send gzip, zstd or none.")


def _check_length(scope: Scope, max_bytes: int) -> None:
    length = header(scope, b"content-length")
    if length.isdecimal() and int(length) > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The body is larger than {max_bytes} bytes (decompressed): send it in smaller batches.")
