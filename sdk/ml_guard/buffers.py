"""Where rows wait to be sent: `Buffer` is the interface, `MemoryBuffer` the one without a disk.

Neither this module nor `spool` has a lock: callers hold one, except for `read` and `scan`, which may take long.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from ml_guard.shapes import Event, Label

Shape = type[Event] | type[Label]
WaitingRow = tuple[Shape, bytes | Event | Label | Mapping[str, Any]]  # bytes: a line of JSON


@dataclass(frozen=True)
class Batch:
    """The oldest rows, which are sent together; `source` is where the buffer has them."""

    count: int
    source: Any


class Buffer(Protocol):
    """Rows in their order, bounded; a batch stays in the buffer until it is removed."""

    @property
    def rows(self) -> int:
        """Rows that wait, those of the batch being sent included."""

    @property
    def has_whole_batch(self) -> bool:
        """Whether the oldest rows make a batch to which no row will be added."""

    def append(self, row: WaitingRow) -> bool:
        """Keep a row; False if there is no room."""

    def first_batch(self) -> Batch | None:
        """Return the oldest rows, whose number no longer changes."""

    def read(self, batch: Batch) -> Sequence[WaitingRow]:
        """Return the rows of a batch that can be read."""

    def remove(self, batch: Batch) -> None:
        """Forget the rows of the oldest batch, which were sent or refused."""

    def scan(self) -> Sequence[Any]:
        """Find rows that ended processes have left."""

    def adopt(self, left: Sequence[Any]) -> int:
        """Take over what `scan` has found; return its number of rows."""

    def close(self) -> int:
        """Release resources; return the number of rows that are lost by that."""

    def release(self) -> None:
        """Release resources in a forked child, to which none of the rows belongs."""


class MemoryBuffer:
    """Rows in memory, which end with the process."""

    def __init__(self, max_rows: int, batch_rows: int) -> None:
        self._max_rows, self._batch_rows = max_rows, batch_rows
        self._waiting: deque[WaitingRow] = deque()

    @property
    def rows(self) -> int:
        """Rows that wait, those of the batch being sent included."""
        return len(self._waiting)

    @property
    def has_whole_batch(self) -> bool:
        """Whether there are `batch_rows` rows."""
        return len(self._waiting) >= self._batch_rows

    def append(self, row: WaitingRow) -> bool:
        """Keep a row; False if there are `max_rows` already."""
        if len(self._waiting) >= self._max_rows:
            return False
        self._waiting.append(row)
        return True

    def first_batch(self) -> Batch | None:
        """Return the oldest `batch_rows` rows."""
        rows = list(islice(self._waiting, self._batch_rows))
        return Batch(len(rows), rows) if rows else None

    def read(self, batch: Batch) -> Sequence[WaitingRow]:
        """Return the rows of a batch."""
        rows: list[WaitingRow] = batch.source
        return rows

    def remove(self, batch: Batch) -> None:
        """Forget the rows of the oldest batch."""
        for _ in range(batch.count):
            self._waiting.popleft()

    def scan(self) -> Sequence[Any]:
        """Find nothing: rows in memory end with their process."""
        return ()

    def adopt(self, left: Sequence[Any]) -> int:
        """Take over what `scan` has found, which is nothing."""
        return len(left)

    def close(self) -> int:
        """Drop all rows; return their number."""
        lost = len(self._waiting)
        self._waiting.clear()
        return lost

    def release(self) -> None:
        """Drop all rows."""
        self._waiting.clear()
