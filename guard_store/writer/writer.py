"""Group commit: one thread takes all waiting works and stores them in one durable transaction.

Queueing, grouping, failures and results belong here; the content of a transaction is up to the steps.
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

import psycopg

from guard_store.db.database import Database
from guard_store.writer.sessions import Session, open_session
from guard_store.writer.work import QueueFullError, RowsRefusedError, Step, StoreUnavailableError, Work

_log = logging.getLogger(__name__)

_GROUP_ROWS = 5_000  # bounds how long a transaction holds the write lock
# A commit costs as much as a hundred rows: if few rows wait, wait shortly for the callers of the last group.
_GATHER_S = 0.003
_GATHER_ROWS = 128
# Errors of the rows themselves, which would recur; every other error is a failure of the store.
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


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction of the writer, for metrics; `is_stored` is false if it failed, and nothing of it was stored."""

    works: Sequence[Work]
    is_stored: bool
    seconds: float


@dataclass(slots=True)
class _Waiting:
    works: tuple[Work, ...]
    future: "asyncio.Future[None] | Future[None]"
    loop: asyncio.AbstractEventLoop | None
    weight: int

    @property
    def request_id(self) -> str | None:
        return self.works[0].request_id


class GroupWriter:
    """Stores the works of requests; their futures resolve when the transaction is durable.

    Parameters
    ----------
    steps : steps of a transaction, in their order (`guard_store.steps.writer_steps`).
    queue_rows : maximum rows that wait, including those of the running transaction.
    group_rows : maximum rows of a transaction (a larger request is a transaction by itself).
    on_commit : called in the writer's thread after each transaction, once its callers are resumed.
    """

    def __init__(
        self,
        database: Database,
        steps: Sequence[Step],
        *,
        queue_rows: int,
        group_rows: int = _GROUP_ROWS,
        on_commit: Callable[[Commit], None] | None = None,
    ) -> None:
        self._database = database
        self._steps = steps
        self._queue_rows = queue_rows
        self._group_rows = group_rows
        self._on_commit = on_commit
        self._waiting: deque[_Waiting] = deque()
        self._depth = 0
        self._expected = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._session: Session | None = None
        self._thread = threading.Thread(target=self._run, name="group-writer", daemon=True)

    def start(self) -> None:
        """Start the writer's thread."""
        self._thread.start()

    def stop(self) -> None:
        """Accept no more works, store those that wait, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def queue_depth(self) -> int:
        """Rows that wait for their commit."""
        return self._depth

    def submit(self, *works: Work) -> "asyncio.Future[None]":
        """Queue the works of a request of the running event loop; either all or none of them are stored.

        The future raises `StoreUnavailableError` or `RowsRefusedError` if they were not stored; results are set in the works.

        Raises
        ------
        QueueFullError
            If too many rows wait.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._put(_Waiting(works, future, loop, _weigh(works)))
        return future

    def store(self, *works: Work) -> None:
        """Store the works of a request and wait for the commit, for callers without an event loop.

        Raises
        ------
        QueueFullError
            If too many rows wait.
        StoreUnavailableError
            If the transaction failed.
        RowsRefusedError
            If the database rejects the rows.
        """
        future: Future[None] = Future()
        self._put(_Waiting(works, future, None, _weigh(works)))
        future.result()

    def _put(self, waiting: _Waiting) -> None:
        weight = waiting.weight
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
            self._prepare_next()
        self._drop_session()

    def _take(self) -> list[_Waiting]:
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            self._changed.wait_for(self._has_gathered, _GATHER_S)
            group: list[_Waiting] = []
            rows = 0
            while self._waiting and (not group or rows + self._waiting[0].weight <= self._group_rows):
                group.append(self._waiting.popleft())
                rows += group[-1].weight
            return group

    def _has_gathered(self) -> bool:
        # Nothing is being committed now, so the depth counts only waiting rows. A single client never waits for others.
        return len(self._waiting) >= self._expected or self._depth >= _GATHER_ROWS or self._stopping

    def _store_group(self, group: Sequence[_Waiting]) -> None:
        start = time.perf_counter()
        works = [work for waiting in group for work in waiting.works]
        failure: Exception | None = None
        try:
            self._transaction(works)
        except _REFUSALS as error:
            if len(group) > 1:  # split in halves until only the request with the invalid rows fails
                half = len(group) // 2
                self._store_group(group[:half])
                self._store_group(group[half:])
                return
            _log.warning("rows refused by the database", extra={"for": group[0].request_id}, exc_info=True)
            failure = RowsRefusedError(f"the database refuses these rows: {error}")
        except Exception as error:  # noqa: BLE001 - the thread must survive every failure; the callers get the error
            _log.exception("rows not stored", extra={"for": [waiting.request_id for waiting in group][:20]})
            failure = StoreUnavailableError(f"the database did not store it: {type(error).__name__}")
        self._finish(group, works, failure, time.perf_counter() - start)

    def _transaction(self, works: Sequence[Work]) -> None:
        session = self._session or open_session(self._database)
        is_new = self._session is None
        self._session = session
        try:
            session.begin(flushed=any(work.needs_flush for work in works))
            group = list(works)
            for step in self._steps:
                if own := [work for work in group if isinstance(work, step.kinds)]:
                    group.extend(step.apply(session, own))
        except Exception:
            # That the server has closed an idle connection is noticed only now: retry once, on a new one. Never retry after
            # a COMMIT, which may have succeeded: our own rows would then count as duplicates.
            was_broken = session.is_broken
            self._abandon()
            if was_broken and not is_new:
                self._transaction(works)
                return
            raise
        try:
            session.commit()
        except Exception:
            self._abandon()
            raise

    def _prepare_next(self) -> None:
        if self._session is not None and not self._waiting:
            try:
                self._session.prepare()
            except sqlite3.Error:
                _log.warning("connection dropped", exc_info=True)
                self._drop_session()

    def _abandon(self) -> None:
        session = self._session
        if session is None:
            return
        try:
            session.rollback()
        except (sqlite3.Error, psycopg.Error):
            _log.warning("connection dropped", exc_info=True)
            self._drop_session()
        else:
            if session.is_broken:
                self._drop_session()

    def _drop_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _finish(
        self, group: Sequence[_Waiting], works: Sequence[Work], failure: Exception | None, seconds: float
    ) -> None:
        rows = sum(waiting.weight for waiting in group)
        with self._changed:
            self._depth -= rows
            self._expected = min(len(group) + len(self._waiting), self._group_rows)
        _resolve(group, failure)
        if self._on_commit is not None:  # while the event loop wakes up
            self._on_commit(Commit(works, failure is None, seconds))


def _weigh(works: Sequence[Work]) -> int:
    return works[0].weight if len(works) == 1 else sum(work.weight for work in works)


def _resolve(group: Sequence[_Waiting], failure: Exception | None) -> None:
    for loop in {waiting.loop for waiting in group}:
        futures = [waiting.future for waiting in group if waiting.loop is loop]
        if loop is None:
            _set_results(futures, failure)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(_set_results, futures, failure)


def _set_results(futures: Sequence["asyncio.Future[None] | Future[None]"], failure: Exception | None) -> None:
    for future in futures:
        if future.done():  # its caller has disconnected
            continue
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(failure)
