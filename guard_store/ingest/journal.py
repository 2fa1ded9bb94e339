"""A journal of requests that are answered before the database has their rows; after a crash it is replayed.

One folder for all processes, with one open segment for each, and beside a segment a mark: up to where the database has it.
Its content survives a crash of the process, not of the machine.
Storing the requests in the database is up to the caller.
"""

import errno
import fcntl
import os
import struct
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec

from guard_store.ingest.rows import EventRow
from guard_store.ledger.entry import Entry

_SEGMENT_BYTES = 16 * 2**20
_LINE = b"\n"
_MARK = struct.Struct("<q")  # bytes of the segment that are stored
_encode = msgspec.json.Encoder().encode

Request: TypeAlias = tuple[list[EventRow], Entry]
"""The rows of one request, and its entry for the ledger."""

_decode = msgspec.json.Decoder(Request).decode


class Taken(NamedTuple):
    """The oldest requests of a journal.

    Attributes
    ----------
    size : in bytes.
    is_replay : whether they are of a process that has died: the database may have them already.
    """

    requests: list[Request]
    size: int
    is_replay: bool


class JournalFullError(Exception):
    """The journal cannot take more requests: its limit is reached, or the disk is full."""


@dataclass(slots=True)
class _Segment:
    path: Path
    file: int
    mark: int
    written: int = 0
    stored: int = 0
    is_adopted: bool = False

    @property
    def waiting(self) -> int:
        return self.written - self.stored

    def set_stored(self, size: int) -> None:
        """Record how many of its bytes are stored."""
        self.stored = size
        os.pwrite(self.mark, _MARK.pack(size), 0)

    def clear(self) -> None:
        """Empty it: all of it is stored."""
        os.ftruncate(self.file, 0)
        self.written = 0
        self.set_stored(0)

    def close(self) -> None:
        """Leave it to the next process."""
        os.close(self.file)
        os.close(self.mark)

    def remove(self) -> None:
        """Delete its files; the mark last, without which a segment would be stored again."""
        for path in (self.path, _mark_path(self.path)):
            with suppress(FileNotFoundError):
                path.unlink()
        self.close()


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

    def take(self, max_bytes: int) -> Taken:
        """Return the oldest requests, of about `max_bytes`; they stay until `mark_stored`."""
        for segment in self._segments:
            if segment.waiting:
                return _read(segment, max_bytes)
        return Taken([], 0, is_replay=False)

    def mark_stored(self, size: int) -> None:
        """Drop the oldest bytes, as returned by `take`, because the database has them."""
        segment = next(segment for segment in self._segments if segment.waiting)
        segment.set_stored(segment.stored + size)
        if segment.waiting:
            return
        if segment is self._segments[-1]:
            segment.clear()
        else:
            self._segments.remove(segment)
            segment.remove()

    def adopt_orphans(self) -> int:
        """Take over the segments of processes that have died; return their number of bytes."""
        adopted_bytes = 0
        for path in sorted(self._folder.glob("*.journal")):
            segment = _adopt(path)
            if segment is None:
                continue
            if segment.waiting:
                # At the front: they are the oldest, and this process keeps writing to the last segment.
                self._segments.insert(0, segment)
                adopted_bytes += segment.waiting
            else:
                segment.remove()
        return adopted_bytes

    def close(self) -> None:
        """Leave segments with waiting requests to the next process, and remove empty ones."""
        for segment in self._segments:
            if segment.waiting:
                segment.close()
            else:
                segment.remove()
        self._segments = []

    def _new_segment(self) -> _Segment:
        path = self._folder / f"{os.getpid()}-{uuid.uuid4().hex}.journal"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)  # for as long as this process lives
        return _Segment(path, file, _open_mark(path))


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
    mark = _open_mark(path)
    marked = os.pread(mark, _MARK.size, 0)
    stored = _MARK.unpack(marked)[0] if len(marked) == _MARK.size else 0
    # A mark beyond the end is that of a segment that was being emptied.
    return _Segment(path, file, mark, complete, min(stored, complete), is_adopted=True)


def _mark_path(path: Path) -> Path:
    return path.with_suffix(".stored")


def _open_mark(path: Path) -> int:
    return os.open(_mark_path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _read(segment: _Segment, max_bytes: int) -> Taken:
    size = min(segment.waiting, max_bytes)
    while True:
        data = os.pread(segment.file, size, segment.stored)
        end = data.rfind(_LINE) + 1
        if end:
            return Taken([_decode(line) for line in data[:end].splitlines()], end, segment.is_adopted)
        size *= 2  # the first request is larger
