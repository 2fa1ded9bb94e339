"""A buffer on disk: rows that `append` has returned for survive the end of the process, SIGKILL included.

A row is handed to the kernel by one `write`. That needs no fsync to survive the process; with `fsync`, it survives the
machine too. Each process writes segments (`<owner>-<number>.ndjson`) under an own name, and holds a lock on `<owner>.lock`
as long as it lives, so that others can tell, and adopt, what an ended process has left.
"""

import fcntl
import os
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_guard.buffers import Batch, WaitingRow
from ml_guard.shapes import Event, Label

_SEGMENT_BYTES = 4 * 2**20
_IS_EVENT = b'"features":'  # quotes inside JSON text are escaped: only the name of the field matches


@dataclass
class _Segment:
    path: Path
    rows: int = 0
    size: int = 0


class Spool:
    """The segments of one process in a folder that several may share; `max_bytes` bounds those of this process."""

    def __init__(self, folder: Path, *, max_bytes: int, batch_rows: int, fsync: bool) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder, self._max_bytes, self._batch_rows, self._fsync = folder, max_bytes, batch_rows, fsync
        self._owner, self._lock = _create_owner(folder)
        self._adopted_locks: dict[str, int] = {}
        self._segments: deque[_Segment] = deque()
        self._open: int | None = None  # descriptor of the last segment
        self._number = 0
        self._bytes = 0
        self.rows = 0

    @property
    def has_whole_batch(self) -> bool:
        """Whether the oldest segment is complete."""
        return bool(self._segments) and (
            len(self._segments) > 1 or self._open is None or self._segments[0].rows >= self._batch_rows
        )

    def append(self, row: WaitingRow) -> bool:
        """Write a row, which is a line of JSON; False if the folder has no room.

        Raises
        ------
        OSError
            If the row cannot be written; the segment is as before.
        """
        line = row[1]
        if not isinstance(line, bytes):
            raise TypeError("row: the spool keeps lines of JSON")
        size = len(line)
        if self._bytes + size > self._max_bytes:
            return False
        descriptor = self._writable()
        segment = self._segments[-1]
        if os.write(descriptor, line) < size:
            os.ftruncate(descriptor, segment.size)
            raise OSError(f"{segment.path}: the disk is full")
        if self._fsync:
            os.fsync(descriptor)
        segment.rows += 1
        segment.size += size
        self._bytes += size
        self.rows += 1
        return True

    def first_batch(self) -> Batch | None:
        """Return the oldest segment, to which nothing is appended any more."""
        if not self._segments:
            return None
        if len(self._segments) == 1:
            self._close_segment()
        return Batch(self._segments[0].rows, self._segments[0])

    def read(self, batch: Batch) -> Sequence[WaitingRow]:
        """Read a segment; a torn last line, of a process that was killed before `append` returned, is left out."""
        segment: _Segment = batch.source
        try:
            lines = segment.path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:  # somebody has deleted it
            return []
        return [(Event if _IS_EVENT in line else Label, line + b"\n") for line in lines]

    def remove(self, batch: Batch) -> None:
        """Delete the segment of a batch, and the lock of its owner if that has ended and it was the last."""
        segment: _Segment = batch.source
        self._segments.remove(segment)
        segment.path.unlink(missing_ok=True)
        self.rows -= segment.rows
        self._bytes -= segment.size
        owner = _owner_of(segment.path)
        if owner in self._adopted_locks and not any(_owner_of(other.path) == owner for other in self._segments):
            (self._folder / f"{owner}.lock").unlink(missing_ok=True)
            os.close(self._adopted_locks.pop(owner))

    def scan(self) -> Sequence[_Segment]:
        """Lock the segments of ended processes."""
        segments: list[_Segment] = []
        for lock_path in sorted(self._folder.glob("*.lock")):
            owner = lock_path.stem
            if owner == self._owner or owner in self._adopted_locks:
                continue
            lock = _lock(lock_path)
            if lock is None:
                continue
            left = [_Segment(path) for path in sorted(self._folder.glob(f"{owner}-*.ndjson"))]
            for segment in left:
                content = segment.path.read_bytes()
                segment.rows, segment.size = content.count(b"\n"), len(content)
            if left:
                self._adopted_locks[owner] = lock
            else:
                lock_path.unlink(missing_ok=True)
                os.close(lock)
            segments += left
        return segments

    def adopt(self, left: Sequence[_Segment]) -> int:
        """Append the segments of ended processes to those of this one."""
        if not left:
            return 0
        self._close_segment()
        self._segments.extend(left)
        rows = sum(segment.rows for segment in left)
        self.rows += rows
        self._bytes += sum(segment.size for segment in left)
        return rows

    def close(self) -> int:
        """Leave the rows to the next process."""
        self.release()
        if not any(_owner_of(segment.path) == self._owner for segment in self._segments):
            (self._folder / f"{self._owner}.lock").unlink(missing_ok=True)
        return 0

    def release(self) -> None:
        """Close all files. In a forked child this leaves the locks to the parent, whose descriptors hold them too."""
        self._close_segment()
        for descriptor in (self._lock, *self._adopted_locks.values()):
            os.close(descriptor)
        self._adopted_locks.clear()

    def _writable(self) -> int:
        if self._open is not None and (
            self._segments[-1].rows >= self._batch_rows or self._segments[-1].size >= _SEGMENT_BYTES
        ):
            self._close_segment()
        if self._open is None:
            self._number += 1
            path = self._folder / f"{self._owner}-{self._number:09}.ndjson"
            self._open = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._segments.append(_Segment(path))
        return self._open

    def _close_segment(self) -> None:
        if self._open is not None:
            os.close(self._open)
            self._open = None


def _owner_of(path: Path) -> str:
    return path.stem.rpartition("-")[0]


def _create_owner(folder: Path) -> tuple[str, int]:
    while True:
        owner = uuid.uuid4().hex
        path = folder / f"{owner}.lock"
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        lock = _lock(path)
        if lock is not None:
            return owner, lock


def _lock(path: Path) -> int | None:
    """Return the descriptor of a locked file; None if another process holds the lock, or has deleted the file."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    if os.fstat(descriptor).st_nlink == 0:
        os.close(descriptor)
        return None
    return descriptor
