"""Group commit: one thread takes whatever waits and stores it in one durable transaction.

Queue, grouping, failure and hand-back belong here; what a transaction does is in `transaction`.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeAlias

import psycopg

from guard_store.db.database import Database
from guard_store.writer.rows import (
    Commit,
    Outcome,
    QueueFullError,
    RowsRefusedError,
    StoreUnavailableError,
    Submission,
)
from guard_store.writer.sessions import Session, open_session
from guard_store.writer.transaction import store_submissions

_log = logging.getLogger(__name__)

_GROUP_ROWS = 5_000  # bounds how long a transaction holds the write lock
# A commit costs as much as a hundred rows: with few rows waiting, those who wrote last time are worth a short wait.
_GATHER_S = 0.003
_GATHER_ROWS = 128
# What these say is true of the rows, and will be true again; every other failure is the store's.
_REFUSALS = (
    RowsRefusedError,
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    psycopg.IntegrityError,
    psycopg.DataError,
    OverflowError,
    TypeError,
    ValueError,
)

Result: TypeAlias = Outcome | Exception


@dataclass(slots=True)
class _Waiting:
    submission: Submission
    future: "asyncio.Future[Outcome] | Future[Outcome]"
    loop: asyncio.AbstractEventLoop | None


class EventWriter:
    """Stores submissions; their futures resolve when the transaction is durable.

    Parameters
    ----------
    queue_rows : rows that may wait, those in the running transaction included.
    close_delay_s : seconds after local midnight from which an event of that day counts as late.
    group_rows : rows of a transaction at most (a larger submission is a transaction by itself).
    on_commit : called in the writer's thread after each transaction, when its senders are being told.
    """

    def __init__(
        self,
        database: Database,
        *,
        queue_rows: int,
        close_delay_s: int,
        group_rows: int = _GROUP_ROWS,
        on_commit: Callable[[Commit], None] | None = None,
    ) -> None:
        self._database = database
        self._queue_rows = queue_rows
        self._close_delay_s = close_delay_s
        self._group_rows = group_rows
        self._on_commit = on_commit
        self._waiting: deque[_Waiting] = deque()
        self._depth = 0
        self._expected = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._session: Session | None = None
        self._thread = threading.Thread(target=self._run, name="event-writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more, store what waits, end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def queue_depth(self) -> int:
        """Rows that wait for their commit."""
        return self._depth

    def submit(self, submission: Submission) -> "asyncio.Future[Outcome]":
        """Queue a submission of the running event loop.

        The future raises `StoreUnavailableError` or `RowsRefusedError` where it was not stored.

        Raises
        ------
        QueueFullError
            Where too many rows wait.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._put(_Waiting(submission, future, loop))
        return future

    def store(self, submission: Submission) -> Outcome:
        """Store a submission and wait for it; for callers without an event loop."""
        future: Future[Outcome] = Future()
        self._put(_Waiting(submission, future, None))
        return future.result()

    def _put(self, waiting: _Waiting) -> None:
        weight = waiting.submission.weight
        with self._changed:
            if self._stopping:
                raise StoreUnavailableError("the server is stopping")
            if self._depth and self._depth + weight > self._queue_rows:
                raise QueueFullError(f"{self._depth} rows wait for their commit, {self._queue_rows} may")
            self._depth += weight
            self._waiting.append(waiting)
            if len(self._waiting) == 1 or len(self._waiting) >= self._expected:
                self._changed.notify()

    def _run(self) -> None:
        while group := self._take():
            self._store_group(group)
            self._rest()
        self._drop_session()

    def _take(self) -> list[_Waiting]:
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            self._changed.wait_for(self._has_gathered, _GATHER_S)
            group: list[_Waiting] = []
            rows = 0
            while self._waiting and (not group or rows + self._waiting[0].submission.weight <= self._group_rows):
                group.append(self._waiting.popleft())
                rows += group[-1].submission.weight
            return group

    def _has_gathered(self) -> bool:
        # Depth is all that waits, as nothing is being committed now. A client alone never waits for others.
        return len(self._waiting) >= self._expected or self._depth >= _GATHER_ROWS or self._stopping

    def _store_group(self, group: Sequence[_Waiting]) -> None:
        start = time.perf_counter()
        submissions = [waiting.submission for waiting in group]
        try:
            results: Sequence[Result] = self._transaction(submissions)
        except _REFUSALS as error:
            if len(group) > 1:  # one of them is to blame: by halves, so that in the end only that one fails
                half = len(group) // 2
                self._store_group(group[:half])
                self._store_group(group[half:])
                return
            _log.warning("rows refused by the database", extra={"for": submissions[0].request_id}, exc_info=True)
            results = [RowsRefusedError(f"the database refuses these rows: {error}")]
        except Exception as error:  # noqa: BLE001 - the thread outlives every failure; the callers are told
            _log.exception("events not stored", extra={"for": [s.request_id for s in submissions][:20]})
            results = [StoreUnavailableError(f"the database did not store it: {type(error).__name__}")] * len(group)
        self._finish(group, results, time.perf_counter() - start)

    def _transaction(self, submissions: Sequence[Submission]) -> list[Outcome]:
        session = self._session or open_session(self._database)
        is_new = self._session is None
        self._session = session
        try:
            # The process that makes a call dies with the machine of its SQLite file: then there is no call to remember.
            session.begin(flushed=not all(submission.only_reserves for submission in submissions))
            outcomes = store_submissions(session, submissions, self._close_delay_s)
        except Exception:
            # An idle connection that the server has ended is noticed only now: once more, on a new one. Not after a
            # COMMIT, which may have come through: a second try would call our own rows duplicates.
            was_broken = session.is_broken
            self._abandon()
            if was_broken and not is_new:
                return self._transaction(submissions)
            raise
        try:
            session.commit()
        except Exception:
            self._abandon()
            raise
        return outcomes

    def _rest(self) -> None:
        """After those who waited are told, make ready for the next."""
        if self._session is not None and not self._waiting:
            try:
                self._session.rest()
            except sqlite3.Error:
                _log.warning("connection given up", exc_info=True)
                self._drop_session()

    def _abandon(self) -> None:
        session = self._session
        if session is None:
            return
        try:
            session.rollback()
        except (sqlite3.Error, psycopg.Error):
            _log.warning("connection given up", exc_info=True)
            self._drop_session()
        else:
            if session.is_broken:
                self._drop_session()

    def _drop_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _finish(self, group: Sequence[_Waiting], results: Sequence[Result], seconds: float) -> None:
        rows = sum(waiting.submission.weight for waiting in group)
        with self._changed:
            self._depth -= rows
            self._expected = min(len(group) + len(self._waiting), self._group_rows)
        _resolve(group, results)
        if self._on_commit is not None:  # while the event loop wakes up
            outcomes = [result for result in results if isinstance(result, Outcome)]
            failed = 0 if outcomes else sum(len(w.submission.rows) + len(w.submission.labels) for w in group)
            counts = (*_counts(outcomes, labels=False), failed, seconds)
            self._on_commit(Commit(*counts, *_counts(outcomes, labels=True)))


def _counts(outcomes: Sequence[Outcome], *, labels: bool) -> tuple[int, int]:
    """Rows accepted and duplicates, of events or of labels."""
    of_sort = [outcome for outcome in outcomes if outcome.labels == labels]
    return sum(outcome.accepted for outcome in of_sort), sum(len(outcome.duplicates) for outcome in of_sort)


def _resolve(group: Sequence[_Waiting], results: Sequence[Result]) -> None:
    pairs = list(zip(group, results, strict=True))
    for loop in {waiting.loop for waiting in group}:
        resolved = [pair for pair in pairs if pair[0].loop is loop]
        if loop is None:
            _set_results(resolved)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(_set_results, resolved)


def _set_results(resolved: Sequence[tuple[_Waiting, Result]]) -> None:
    for waiting, result in resolved:
        if waiting.future.done():  # its caller has gone
            continue
        if isinstance(result, Outcome):
            waiting.future.set_result(result)
        else:
            waiting.future.set_exception(result)
