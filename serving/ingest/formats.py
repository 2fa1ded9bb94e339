"""The formats of a batch: a JSON array, NDJSON, or an Arrow IPC stream; each is read into valid rows and row errors.

Arrow columns are `arrow`; validating a row is `row_schema`; receiving the body is `serving.http.body`.
"""

import asyncio
import codecs
import json
from collections.abc import Callable, Iterator
from json import JSONDecodeError
from typing import Generic, Protocol

import msgspec
from starlette.types import Receive, Scope

from serving.http.body import header, iter_body
from serving.http.problems import BadRequest, TooLarge, UnsupportedMedia
from serving.ingest.arrow import iter_arrow_rows
from serving.ingest.repeated_names import make_object
from serving.ingest.row_schema import R, RowError, RowSchema

JSON, NDJSON, ARROW = "application/json", "application/x-ndjson", "application/vnd.apache.arrow.stream"

_LINES_TYPES = frozenset(  # none is registered, so each tool has its own
    {
        NDJSON,
        *(f"application/{name}" for name in ("ndjson", "jsonl", "x-jsonl", "jsonlines", "x-jsonlines", "json-lines")),
    }
)
_LINES_BYTES = 2**18  # of NDJSON that are decoded in one call
_THREAD_BYTES = 2**20  # bodies of this size are parsed in a thread, to keep the event loop free
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_scan = json.JSONDecoder(object_pairs_hook=make_object).raw_decode


class Batch(Generic[R]):
    """The rows of a request, read so far.

    Attributes
    ----------
    n : number of all rows.
    rows : the valid rows.
    indices : their indices in the request.
    errors : the errors of all other rows.
    is_object : whether the request is one JSON object instead of an array.
    """

    def __init__(self, schema: RowSchema[R], max_rows: int) -> None:
        self._schema = schema
        self._max_rows = max_rows
        self.n = 0
        self.rows: list[R] = []
        self.indices: list[int] = []
        self.errors: list[RowError] = []
        self.is_object = False

    def add_rows(self, rows: list[R]) -> None:
        """Add rows that fulfil the contract."""
        self._count(len(rows))
        self.rows += rows
        self.indices += range(self.n - len(rows), self.n)

    def add_row(self, row: object) -> None:
        """Validate a row and add it."""
        self.add(self._schema.check(row, self.n))

    def add(self, checked: R | RowError) -> None:
        """Add a row that has been validated, or its error."""
        self._count(1)
        if isinstance(checked, RowError):
            self.errors.append(checked)
        else:
            self.rows.append(checked)
            self.indices.append(self.n - 1)

    def add_unreadable(self, reason: str) -> None:
        """Add the error of a row that cannot be parsed."""
        self._count(1)
        self.errors.append(RowError(self.n - 1, "row", reason))

    def _count(self, n: int) -> None:
        self.n += n
        if self.n > self._max_rows:
            raise TooLarge(f"The batch has more than {self._max_rows} rows: send smaller batches.")


class Reader(Protocol):
    """An incremental reader of a body."""

    def feed(self, piece: bytes) -> None:
        """Read the next piece."""

    def finish(self) -> None:
        """Read the rest, after the last piece.

        Raises
        ------
        BadRequest, Unprocessable, TooLarge
            If the body cannot be read as this format, or has too many rows.
        """


def make_reader(content_type: str, schema: RowSchema[R], batch: Batch[R]) -> Reader:
    """Make the reader of a content type, which adds rows to the batch.

    Raises
    ------
    UnsupportedMedia
        If the content type is not supported.
    """
    match media_type(content_type):
        case "" | "application/json":
            return _Whole(lambda body: _read_array(body, schema, batch))
        case kind if kind in _LINES_TYPES:
            return _Lines(schema, batch)
        case "application/vnd.apache.arrow.stream":
            return _Whole(lambda body: _read_arrow(body, batch))
    raise UnsupportedMedia(f"Content-Type {content_type[:80]!r} is not supported: send {JSON}, {NDJSON} or {ARROW}.")


async def read_batch(
    scope: Scope, receive: Receive, schema: RowSchema[R], batch: Batch[R], max_body_bytes: int
) -> None:
    """Read a request into a batch, large bodies in a thread; raises as `make_reader`, `Reader` and `iter_body`."""
    reader = make_reader(header(scope, b"content-type"), schema, batch)
    size = 0
    async for piece in iter_body(scope, receive, max_body_bytes):
        size += len(piece)
        reader.feed(piece)
    if size < _THREAD_BYTES:
        reader.finish()
    else:
        await asyncio.to_thread(reader.finish)


def media_type(content_type: str) -> str:
    """Return the media type of a content type, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def read_row(body: bytes, schema: RowSchema[R], *, batch_path: str = "") -> R | RowError:
    """Read a body that is a single row.

    Parameters
    ----------
    batch_path : the route of many rows, which is named to the sender of an array.

    Raises
    ------
    BadRequest
        If the body is not one JSON object.
    """
    try:
        return schema.decode_one(body)
    except _UNREADABLE:
        rows = list(_values(_text(body)))
        if len(rows) != 1 or isinstance(rows[0], list):
            batch = f" Send an array, or lines of JSON, to POST {batch_path}." if batch_path else ""
            raise BadRequest(f"The body is not one JSON object.{batch}") from None
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
            self._pieces, self._bytes = [rest], 0  # a longer line is searched again only after as many new bytes
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
    body = body.removeprefix(codecs.BOM_UTF8)
    if schema.accepts_object and body.lstrip()[:1] == b"{":
        checked: R | RowError = read_row(body, schema)
        batch.add(checked)
        batch.is_object = True
        return
    try:
        batch.add_rows(schema.decode_many(body))
    except _UNREADABLE:
        for row in _elements(_text(body), schema.array_error):
            batch.add_row(row)


def _read_arrow(body: bytes, batch: Batch[R]) -> None:
    for row in iter_arrow_rows(body):
        batch.add_row(row)


def _text(body: bytes) -> str:
    try:
        return body.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"The body is not UTF-8 (byte {error.start}): encode it as UTF-8, and name each compression in Content-Encoding."
        ) from None


def _values(text: str) -> Iterator[object]:
    position = _skip_space(text, 0)
    while position < len(text):
        value, position = _value(text, position)
        yield value
        position = _skip_space(text, position)


def _elements(text: str, array_error: str) -> Iterator[object]:
    # One by one: reading ends at the first row too many, and an invalid number (NaN, 1e999) rejects only its own row.
    position = _skip_space(text, 0)
    if text[position : position + 1] != "[":
        raise BadRequest(array_error)
    position = _skip_space(text, position + 1)
    if text[position : position + 1] != "]":
        while True:
            value, position = _value(text, position)
            yield value
            position = _skip_space(text, position)
            if text[position : position + 1] != ",":
                break
            position = _skip_space(text, position + 1)
    if text[position : position + 1] != "]" or text[position + 1 :].strip(" \t\r\n"):
        raise BadRequest(f"The body is malformed JSON at character {position}.")


def _value(text: str, position: int) -> tuple[object, int]:
    try:
        return _scan(text, position)
    except JSONDecodeError as error:
        raise BadRequest(f"The body is malformed JSON at character {error.pos}: {error.msg}.") from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply: features are flat.") from None
    except ValueError:  # more digits than Python converts to an integer
        raise BadRequest(f"The body has a number of too many digits after character {position}.") from None


def _skip_space(text: str, position: int) -> int:
    while text[position : position + 1] in {" ", "\t", "\r", "\n"}:
        position += 1
    return position
