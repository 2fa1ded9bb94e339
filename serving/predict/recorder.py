"""Recording predictions as events: in the journal before the answer, and from there in the database once it is available."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_store.ingest.journal import Journal, Request
from guard_store.ingest.rows import EventRow, StoreEvents
from guard_store.ledger.entry import Entry
from guard_store.writer.work import QueueFullError, RowsRefusedError, StoreUnavailableError
from guard_store.writer.writer import GroupWriter
from serving.predict import metrics

_log = logging.getLogger(__name__)
_TAKE_BYTES = 2 * 2**20
_PAUSE_S = 1.0  # before each transaction, unless a full one waits: a commit costs as much as a hundred rows
_RETRY_S = 1.0
_STOP_S = 5.0


class Recorder:
    """Guarantees that every answered prediction becomes an event."""

    def __init__(self, settings: Settings, writer: GroupWriter) -> None:
        self._settings = settings
        self._writer = writer
        self._journal: Journal | None = None
        self._filled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Open the journal, adopt the segments of dead processes, and start storing."""
        self._journal = Journal(self._settings.storage.journal, max_bytes=self._settings.predict.journal_bytes)
        orphan_bytes = await asyncio.to_thread(self._journal.adopt_orphans)
        if orphan_bytes:
            _log.warning("%d bytes of predictions of dead processes are stored now", orphan_bytes)
            self._filled.set()
        self._task = asyncio.create_task(self._drain())

    async def stop(self) -> None:
        """Store the journal for some seconds; the rest stays in it for the next start."""
        self._stopping.set()
        self._filled.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_STOP_S)
            self._task.cancel()
        if self._journal is not None:
            self._journal.close()

    def record(self, rows: Sequence[EventRow], entry: Entry) -> None:
        """Write the rows of a request and its ledger entry to the journal, which survives a crash of this process.

        Raises
        ------
        JournalFullError
            If the journal has no room.
        """
        self._open_journal.append(rows, entry)
        if not self._filled.is_set():
            self._filled.set()

    @property
    def waiting_bytes(self) -> int:
        """Bytes that are not in the database yet."""
        return 0 if self._journal is None else self._journal.waiting_bytes

    @property
    def _open_journal(self) -> Journal:
        if self._journal is None:
            raise RuntimeError("the recorder has not been started")
        return self._journal

    async def _drain(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._open_journal.waiting_bytes:
                await self._pause()
                taken = self._open_journal.take(_TAKE_BYTES)
                refused = await self._store(taken.requests, is_replay=taken.is_replay)
                if refused is None:
                    metrics.set_journal_bytes(self._open_journal.waiting_bytes)
                    if self._stopping.is_set():
                        return
                    await asyncio.sleep(_RETRY_S)
                    continue
                self._open_journal.mark_stored(taken.size)
                n = sum(len(rows) for rows, _ in taken.requests)
                metrics.count_stored(n - refused, refused, self._open_journal.waiting_bytes)
            if self._stopping.is_set():
                return

    async def _pause(self) -> None:
        """Wait for more predictions, unless there are enough for a transaction, or the recorder stops."""
        if self._open_journal.waiting_bytes < _TAKE_BYTES:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _PAUSE_S)

    async def _store(self, requests: Sequence[Request], *, is_replay: bool) -> int | None:
        """Store requests; return the number of rows that the database refuses for good, or None if it is unavailable."""
        rows = [row for rows, _ in requests for row in rows]
        entries = [entry for _, entry in requests]
        work = StoreEvents(rows, now_us(), entries[0].request_id, entries=entries, is_replay=is_replay)
        try:
            await self._writer.submit(work)
        except (StoreUnavailableError, QueueFullError) as error:
            _log.warning("predictions wait in the journal: %s", error)
            return None
        except RowsRefusedError as error:
            if len(requests) > 1:
                return await self._store_halves(requests, is_replay=is_replay)
            _log.error("predictions are refused by the database: %s", error, extra={"for": entries[0].request_id})
            return len(rows)
        return 0

    async def _store_halves(self, requests: Sequence[Request], *, is_replay: bool) -> int | None:
        half = len(requests) // 2
        parts = [await self._store(part, is_replay=is_replay) for part in (requests[:half], requests[half:])]
        # If one half fails, storing the other again is safe: its rows are duplicates then.
        return None if None in parts else sum(part or 0 for part in parts)
