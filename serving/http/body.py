"""A request's body, chunk by chunk, decompressed, never more than the settings allow.

What the bytes mean is `formats`.
"""

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import zstandard
from starlette.types import Receive, Scope

from serving.http.problems import BadRequest, TooLarge, UnsupportedMedia

_PIECE_BYTES = 2**18
_ZSTD_INPUT_BYTES = 512  # a zstd block of 4 bytes can mean 128 KiB: this much input is 16 MiB at the very worst
_ZSTD_WINDOW_BYTES = 2**23  # what RFC 9659 asks of HTTP senders
_GZIP = 16 + zlib.MAX_WBITS


class Disconnected(BadRequest):
    """The client went away before its request was complete; nobody will read this."""


def header(scope: Scope, name: bytes) -> str:
    """A request header, or the empty string."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return ""


async def body_pieces(scope: Scope, receive: Receive, max_bytes: int) -> AsyncIterator[bytes]:
    """The decompressed body as it arrives.

    Raises
    ------
    TooLarge, UnsupportedMedia, BadRequest
        Where there is too much of it, or it cannot be decompressed.
    """
    length = header(scope, b"content-length")
    if length.isdecimal() and int(length) > max_bytes:
        raise _too_large(max_bytes)
    unpacked = decompressor(header(scope, b"content-encoding"))
    received = decompressed = 0
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected("The request ended before its body was complete.")
        chunk, more = message.get("body", b""), message.get("more_body", False)
        received += len(chunk)
        if received > max_bytes:
            raise _too_large(max_bytes)
        for piece in unpacked.feed(chunk):
            decompressed += len(piece)
            if decompressed > max_bytes:
                raise _too_large(max_bytes)
            yield piece
    unpacked.finish()


async def whole_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    """The decompressed body at once; raises as `body_pieces`."""
    pieces = [piece async for piece in body_pieces(scope, receive, max_bytes)]
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def until_disconnected(receive: Receive) -> None:
    """Wait until the caller of a request whose body was read reads no more."""
    while (await receive())["type"] != "http.disconnect":
        pass


class _Identity:
    def feed(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk

    def finish(self) -> None:
        """There is nothing to be incomplete."""


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
                raise BadRequest("The body is not gzip, as Content-Encoding says.") from error
            yield piece
            chunk = self._member.unconsumed_tail or self._member.unused_data
            if not chunk and len(piece) == _PIECE_BYTES:  # the rest may be inside the decompressor
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
                        "The body is not zstd with a window of at most 8 MiB, as Content-Encoding says."
                    ) from error
                rest = self._frame.unused_data if self._frame.eof else b""

    def finish(self) -> None:
        if self._started and not self._frame.eof:
            raise BadRequest("The zstd body ends too early: send it completely.")


def decompressor(encoding: str) -> _Identity | _Gzip | _Zstd:
    """What undoes a content encoding, piece by piece: `feed` and `finish`.

    Raises
    ------
    UnsupportedMedia
        Where it is not known here.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return _Identity()
        case "gzip" | "x-gzip":
            return _Gzip()
        case "zstd":
            return _Zstd()
    raise UnsupportedMedia(f"Content-Encoding {encoding[:80]!r} is not read here: send gzip, zstd or none.")


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The body is larger than {max_bytes} bytes (decompressed): send it in smaller batches.")
