"""The formats of a batch: a JSON array, NDJSON, an Arrow IPC stream; each becomes events and row errors.

Arrow columns are in `arrow`; what a row must be is `schemas`; where the bytes come from is `body`.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from json import JSONDecodeError
from typing import Generic, Protocol

import msgspec
from starlette.types import Receive, Scope

from serving.http.body import header, iter_body
from serving.http.problems import BadRequest, TooLarge, UnsupportedMedia
from serving.ingest.arrow import arrow_rows
from serving.ingest.row_schema import R, RowError, RowSchema

JSON, NDJSON, ARROW = "application/json", "application/x-ndjson", "application/vnd.apache.arrow.stream"

_LINES_BYTES = 2**18  # of NDJSON that are decoded at once
_THREAD_BYTES = 2**20  # a body of this size is read beside the event loop, not in it
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_scan = json.JSONDecoder().raw_decode


class Batch(Generic[R]):
    """The rows of a request: good `rows` with their `places` in it, and the `errors` of all others.

    `is_object` says that the request was one JSON object.
    """

    def __init__(self, schema: RowSchema[R], max_rows: int) -> None:
        self._schema = schema
        self._max_rows = max_rows
        self.n = 0
        self.rows: list[R] = []
        self.places: list[int] = []
        self.errors: list[RowError] = []
        self.is_object = False

    def add_rows(self, rows: list[R]) -> None:
        """Rows that keep the contract."""
        self._count(len(rows))
        self.rows += rows
        self.places += range(self.n - len(rows), self.n)

    def add_row(self, row: object) -> None:
        """A row that has yet to be checked."""
        self.add(self._schema.check(row, self.n))

    def add(self, checked: R | RowError) -> None:
        """A checked row."""
        self._count(1)
        if isinstance(checked, RowError):
            self.errors.append(checked)
        else:
            self.rows.append(checked)
            self.places.append(self.n - 1)

    def add_unreadable(self, reason: str) -> None:
        """A row that is not even a row."""
        self._count(1)
        self.errors.append(RowError(self.n - 1, "row", reason))

    def _count(self, n: int) -> None:
        self.n += n
        if self.n > self._max_rows:
            raise TooLarge(f"The batch has more than {self._max_rows} rows: send smaller batches.")


class Reader(Protocol):
    """Takes a body piece by piece."""

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""

    def finish(self) -> None:
        """The body is complete.

        Raises
        ------
        BadRequest, Unprocessable, TooLarge
            Where it cannot be read as this format at all.
        """


def reader(content_type: str, schema: RowSchema[R], batch: Batch[R]) -> Reader:
    """The reader of a content type, which fills the batch."""
    match media_type(content_type):
        case "" | "application/json":
            return _Whole(lambda body: _read_array(body, schema, batch))
        case "application/x-ndjson" | "application/jsonl":
            return _Lines(schema, batch)
        case "application/vnd.apache.arrow.stream":
            return _Whole(lambda body: _read_arrow(body, batch))
    raise UnsupportedMedia(f"Content-Type {content_type[:80]!r} is not read here: send {JSON}, {NDJSON} or {ARROW}.")


async def read_batch(
    scope: Scope, receive: Receive, schema: RowSchema[R], batch: Batch[R], max_body_bytes: int
) -> None:
    """Fill the batch from a request, large bodies beside the event loop; raises as `Reader` and `iter_body`."""
    rows = reader(header(scope, b"content-type"), schema, batch)
    size = 0
    async for piece in iter_body(scope, receive, max_body_bytes):
        size += len(piece)
        rows.feed(piece)
    if size < _THREAD_BYTES:
        rows.finish()
    else:
        await asyncio.to_thread(rows.finish)


def media_type(content_type: str) -> str:
    """The media type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def read_one(body: bytes, schema: RowSchema[R]) -> R | RowError:
    """A single event.

    Raises
    ------
    BadRequest
        Where the body is not JSON.
    """
    try:
        return schema.decode_one(body)
    except _UNREADABLE:
        rows = list(_values(_text(body)))
        if len(rows) != 1:
            raise BadRequest("The body is not one JSON object.") from None
        return schema.check(rows[0], 0)


class _Whole:
    def __init__(self, read: Callable[[bytes], None]) -> None:
        self._read = read
        self._pieces: list[bytes] = []

    def feed(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def finish(self) -> None:
        self._read(b"".join(self._pieces))


class _Lines(Generic[R]):
    def __init__(self, schema: RowSchema[R], batch: Batch[R]) -> None:
        self._schema = schema
        self._batch = batch
        self._pieces: list[bytes] = []
        self._bytes = 0

    def feed(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._bytes += len(piece)
        if self._bytes >= _LINES_BYTES:
            complete, newline, rest = b"".join(self._pieces).rpartition(b"\n")
            self._pieces, self._bytes = [rest], 0  # a line longer than that is looked at again after as many bytes
            if newline:
                self._read(complete)

    def finish(self) -> None:
        self._read(b"".join(self._pieces))

    def _read(self, lines: bytes) -> None:
        try:
            rows = self._schema.decode_lines(lines)
        except _UNREADABLE:
            for line in lines.split(b"\n"):
                if line.strip():
                    self._read_line(line)
        else:
            self._batch.add_rows(rows)

    def _read_line(self, line: bytes) -> None:
        try:
            rows = list(_values(_text(line)))
        except BadRequest as error:
            self._batch.add_unreadable(error.detail)
            return
        if len(rows) == 1:
            self._batch.add_row(rows[0])
        else:
            self._batch.add_unreadable("must be one JSON object on a line of its own")


def _read_array(body: bytes, schema: RowSchema[R], batch: Batch[R]) -> None:
    if schema.takes_object and body.lstrip()[:1] == b"{":
        checked: R | RowError = read_one(body, schema)
        batch.add(checked)
        batch.is_object = True
        return
    try:
        batch.add_rows(schema.decode_many(body))
    except _UNREADABLE:
        for row in _elements(_text(body), schema.not_an_array):
            batch.add_row(row)


def _read_arrow(body: bytes, batch: Batch[R]) -> None:
    for row in arrow_rows(body):
        batch.add_row(row)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8 (byte {error.start}).") from None


def _values(text: str) -> Iterator[object]:
    place = _after_space(text, 0)
    while place < len(text):
        value, place = _value(text, place)
        yield value
        place = _after_space(text, place)


def _elements(text: str, not_an_array: str) -> Iterator[object]:
    # One by one, so that too many rows end the reading and one strange number (NaN, 1e999) fails only its row.
    place = _after_space(text, 0)
    if text[place : place + 1] != "[":
        raise BadRequest(not_an_array)
    place = _after_space(text, place + 1)
    if text[place : place + 1] != "]":
        while True:
            value, place = _value(text, place)
            yield value
            place = _after_space(text, place)
            if text[place : place + 1] != ",":
                break
            place = _after_space(text, place + 1)
    if text[place : place + 1] != "]" or text[place + 1 :].strip(" \t\r\n"):
        raise BadRequest(f"The body is malformed JSON at character {place}.")


def _value(text: str, place: int) -> tuple[object, int]:
    try:
        return _scan(text, place)
    except JSONDecodeError as error:
        raise BadRequest(f"The body is malformed JSON at character {error.pos}: {error.msg}.") from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply: features are flat.") from None
    except ValueError:  # more digits than Python converts
        raise BadRequest(f"The body has a number of too many digits after character {place}.") from None


def _after_space(text: str, place: int) -> int:
    while text[place : place + 1] in {" ", "\t", "\r", "\n"}:
        place += 1
    return place
