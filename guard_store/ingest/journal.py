"""A journal of requests that are answered before the database has their rows; after a crash it is replayed.

One folder for all processes, with one open segment for each. Its content survives a crash of the process, not of the machine.
Storing the requests in the database is up to the caller.
"""

import errno
import fcntl
import os
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec

from guard_store.ingest.rows import EventRow
from guard_store.ledger.entry import Entry

_SEGMENT_BYTES = 16 * 2**20
_LINE = b"\n"
_encode = msgspec.json.Encoder().encode

Request: TypeAlias = tuple[list[EventRow], Entry]
"""The rows of one request, and its entry for the ledger."""

_decode = msgspec.json.Decoder(Request).decode


class JournalFullError(Exception):
    """The journal cannot take more requests: its limit is reached, or the disk is full."""


@dataclass(slots=True)
class _Segment:
    path: Path
    file: int
    written: int = 0
    stored: int = 0

    @property
    def waiting(self) -> int:
        return self.written - self.stored


class Journal:
    """Requests that wait for the database, in the order in which they were written.

    Parameters
    ----------
    folder : folder with the segments of all processes; created if it is missing.
    max_bytes : maximum bytes that wait in this process.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        folder.mkdir(parents=True, exist_ok=True)
        self._segments: list[_Segment] = [self._new_segment()]

    def append(self, rows: Sequence[EventRow], entry: Entry) -> None:
        """Write the rows of a request; they have reached the operating system when it returns.

        Raises
        ------
        JournalFullError
            If there is no room; then none of the rows is in the journal.
        """
        data = _encode((rows, entry)) + _LINE
        if self.waiting_bytes + len(data) > self._max_bytes:
            raise JournalFullError(f"{self.waiting_bytes} bytes of predictions wait for the database")
        segment = self._segments[-1]
        try:
            if segment.written >= _SEGMENT_BYTES:
                segment = self._new_segment()
                self._segments.append(segment)
            written = 0
            while written < len(data):
                written += os.write(segment.file, data[written:])
        except OSError as error:
            os.ftruncate(segment.file, segment.written)
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
                raise
            raise JournalFullError(f"the journal cannot be written: {error.strerror}") from error
        segment.written += len(data)

    @property
    def waiting_bytes(self) -> int:
        """Number of bytes that are not stored yet."""
        return sum(segment.waiting for segment in self._segments)

    def take(self, max_bytes: int) -> tuple[list[Request], int]:
        """Return the oldest requests, of about `max_bytes`, and their size in bytes; they stay until `mark_stored`."""
        for segment in self._segments:
            if segment.waiting:
                return _read(segment, max_bytes)
        return [], 0

    def mark_stored(self, size: int) -> None:
        """Drop the oldest bytes, as returned by `take`, because the database has them."""
        segment = next(segment for segment in self._segments if segment.waiting)
        segment.stored += size
        if segment.waiting:
            return
        if segment is self._segments[-1]:
            os.ftruncate(segment.file, 0)
            segment.written = segment.stored = 0
        else:
            self._segments.remove(segment)
            _remove(segment)

    def adopt_orphans(self) -> int:
        """Take over the segments of processes that have died; return their number of bytes."""
        adopted_bytes = 0
        for path in sorted(self._folder.glob("*.journal")):
            segment = _adopt(path)
            if segment is None:
                continue
            if segment.written:
                # At the front: they are the oldest, and this process keeps writing to the last segment.
                self._segments.insert(0, segment)
                adopted_bytes += segment.written
            else:
                _remove(segment)
        return adopted_bytes

    def close(self) -> None:
        """Leave segments with waiting requests to the next process, and remove empty ones."""
        for segment in self._segments:
            if segment.waiting:
                os.close(segment.file)
            else:
                _remove(segment)
        self._segments = []

    def _new_segment(self) -> _Segment:
        path = self._folder / f"{os.getpid()}-{uuid.uuid4().hex}.journal"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)  # for as long as this process lives
        return _Segment(path, file)


def _adopt(path: Path) -> _Segment | None:
    """Lock and return a segment; None if a living process holds it."""
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:  # another process was faster
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    if not path.exists():  # removed between open and lock
        os.close(file)
        return None
    data = os.pread(file, os.fstat(file).st_size, 0)
    complete = data.rfind(_LINE) + 1  # a request that was only partly written when its process died was never answered
    return _Segment(path, file, complete)


def _read(segment: _Segment, max_bytes: int) -> tuple[list[Request], int]:
    size = min(segment.waiting, max_bytes)
    while True:
        data = os.pread(segment.file, size, segment.stored)
        end = data.rfind(_LINE) + 1
        if end:
            return [_decode(line) for line in data[:end].splitlines()], end
        size *= 2  # the first request is larger


def _remove(segment: _Segment) -> None:
    with suppress(FileNotFoundError):
        segment.path.unlink()
    os.close(segment.file)
