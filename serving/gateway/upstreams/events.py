"""Server-sent events from the bytes of a stream, in the forms in which servers of language models send them."""

import codecs
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from serving.gateway.calls.tokens import list_holders
from serving.gateway.upstreams.decoding import decode_json

_MAX_EVENT_BYTES = 32 * 2**20  # pictures come whole in one event
DONE_MARK: Final = b"[DONE]"
"""Data of the last event of a stream; not every server sends it."""
_BLANK: Final = codecs.BOM_UTF8 + b" \t\r\n"
_line_end = re.compile(rb"\r\n?|\n")
_first_data = re.compile(rb"(?:(?<=\n)|(?<=\r))data:")  # no line of a JSON text begins so


class BrokenStreamError(Exception):
    """The upstream sends something other than a stream of chat completions, or reports an error in it."""


def parse_event(data: bytes) -> dict[str, Any]:
    """Parse one event of a stream of chat completions, or an error in its place; `null` is an empty one.

    Raises
    ------
    BrokenStreamError
        If it is not a JSON object.
    """
    try:
        event = decode_json(data, keeps_halves=True)
    except (ValueError, RecursionError) as error:
        raise BrokenStreamError("an event of the stream is not JSON") from error
    if event is None:  # so some servers keep a connection alive
        return {}
    if isinstance(event, list) and len(event) == 1:  # so Gemini wraps its errors
        (event,) = event
    if not isinstance(event, dict):
        raise BrokenStreamError("an event of the stream is not a JSON object")
    return event


def find_error(answer: Mapping[str, Any]) -> Any:
    """Return the error that an answer, or an event of a stream, reports: in a field `error`, or in place of the answer.

    OpenRouter sends the field in a choice, too, and Groq in a field of its own.
    """
    if "error" in (answer.get("object"), answer.get("type")):
        return answer.get("error") or answer
    return next((holder["error"] for holder in (answer, *list_holders(answer)) if holder.get("error")), None)


class Events:
    """Parses server-sent events from the bytes in which they arrive; a JSON text in their place, or before them, is one event."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_json: bool | None = None  # None until the first byte that is neither white space nor a byte order mark
        self._is_error = False  # whether the event is named `error`
        self._data: list[bytes] = []
        self._size = 0
        self._ends_in_cr = False

    def add(self, data: bytes) -> None:
        """Add bytes to the buffer."""
        self._buffer += data
        if self._is_json is None and (start := self._buffer.lstrip(_BLANK)):
            self._is_json = start.startswith((b"{", b"["))

    def end(self) -> None:
        """Complete the last event, which may lack its line feeds."""
        if self._is_json:
            text, *events = _first_data.split(self._buffer, maxsplit=1)
            self._add_data(text.strip())
            self._buffer = bytearray(b"".join(b"\n\ndata:" + event for event in events))
            self._is_json = False
        self.add(b"\n\n")

    def next(self) -> bytes | None:
        """Return the data of the next event; empty for a comment (the upstream is alive), None if it is not complete yet.

        Raises
        ------
        BrokenStreamError
            If it is too large.
        """
        if self._is_json:
            _check_size(len(self._buffer))
            return None
        while (line := self._next_line()) is not None:
            if not line and self._data:
                data, self._data, self._size = b"\n".join(self._data).strip(), [], 0
                is_error, self._is_error = self._is_error, False
                return _wrap_error(data) if is_error else data
            if line.startswith(b":"):
                return b""
            name, _, value = line.partition(b":")
            if name == b"event":
                self._is_error = value.strip() == b"error"
            elif name == b"data":
                self._add_data(value.strip())
            elif name == b"error":  # llama.cpp's server sends errors in a field of their own
                self._add_data(b'{"error":%b}' % value)
            elif line.startswith(b"{"):  # Ollama's server sends errors without a field name
                self._add_data(line)
        return None

    def _add_data(self, line: bytes) -> None:
        self._data.append(line)
        self._size += len(line)
        _check_size(self._size)

    def _next_line(self) -> bytes | None:
        """Return the next line without its end, LF, CR or both; None if it is not complete yet."""
        if self._ends_in_cr and self._buffer:
            self._ends_in_cr = False
            if self._buffer.startswith(b"\n"):
                del self._buffer[:1]
        end = _line_end.search(self._buffer)
        if end is None:
            _check_size(len(self._buffer))
            return None
        line, length = bytes(self._buffer[: end.start()]), end.end()
        self._ends_in_cr = self._buffer[length - 1 :] == b"\r"
        del end  # it holds the buffer, which is to be shortened
        del self._buffer[:length]
        return line.removeprefix(codecs.BOM_UTF8)


def _wrap_error(data: bytes) -> bytes:
    """Return the data of an event named `error` in a field of this name, whatever its shape: an object or a text."""
    try:
        event: Any = parse_event(data)
    except BrokenStreamError:
        event = data.decode(errors="replace")
    is_wrapped = isinstance(event, dict) and find_error(event)
    return data if is_wrapped else msgspec.json.encode({"error": event})


def _check_size(size: int) -> None:
    if size > _MAX_EVENT_BYTES:
        raise BrokenStreamError(
            f"an event of the stream is larger than {_MAX_EVENT_BYTES // 2**20} MiB; ask without a stream"
        )
