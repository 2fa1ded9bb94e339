"""The ledger of a running server: entries go through the group writer, checkpoints are signed periodically.

Routes are `endpoints`; the chain and its proof are `guard_store.ledger`.
"""

import asyncio
import logging

from sqlalchemy.exc import SQLAlchemyError

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import SECOND_US
from guard_store.db.database import Database
from guard_store.ledger.bodies import BodyStore
from guard_store.ledger.checkpoint_file import checkpoint_file, write_checkpoint
from guard_store.ledger.checkpoints import load_signer
from guard_store.ledger.entry import Entry
from guard_store.ledger.step import AppendEntry
from guard_store.ledger.store import LedgerFilter, LedgerStore
from guard_store.retention.sweeps import sweep_bodies, sweep_ledger
from guard_store.writer.work import QueueFullError, RowsRefusedError, StoreUnavailableError, Work
from guard_store.writer.writer import GroupWriter
from serving.audit.entry import AuditEntry
from serving.audit.schemas import LedgerRowView
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import Unavailable

_log = logging.getLogger(__name__)
_POLL_S = 1.0


class AuditService:
    """Commits entries to the ledger, and signs checkpoints."""

    def __init__(self, settings: Settings, database: Database, writer: GroupWriter) -> None:
        self._settings = settings
        self._database = database
        self._writer = writer
        self.store = LedgerStore(database, load_signer(settings))
        self.bodies = BodyStore(database)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Delete rows and bodies past their retention, sign what a killed server has left, and start signing checkpoints."""
        await asyncio.to_thread(sweep_ledger, self._database, self._settings)
        await asyncio.to_thread(sweep_bodies, self._database, self._settings)
        await self._checkpoint()
        self._task = asyncio.create_task(self._sign())

    async def stop(self) -> None:
        """Sign a last checkpoint."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._checkpoint()

    def page(self, ledger_filter: LedgerFilter, cursor: str | None, limit: int) -> Page[LedgerRowView]:
        """Return a page of rows, newest first."""
        before = None if cursor is None else decode_cursor(cursor, int, 0)
        rows = self.store.page(ledger_filter, before, limit + 1)
        return page_of(rows, limit, position=lambda row: row.seq, item=LedgerRowView.of)

    async def commit(self, entry: AuditEntry, *rows: Work) -> None:
        """Commit the entry of a request and the settlement of its call in one transaction; return when it is durable.

        An entry that is committed already is not appended again: only a settlement that came after it is booked.

        Parameters
        ----------
        rows : what the request stores in the same transaction.

        Raises
        ------
        Unavailable
            If that is not possible now; the answer must not be sent.
        """
        works: list[Work] = [*rows] if entry.settlement is None else [*rows, entry.settlement]
        if not entry.committed:
            works.append(AppendEntry(entry.row(), entry.bodies))
        settlement, entry.settlement = entry.settlement, None
        was_committed, entry.committed = entry.committed, True  # a transaction goes on even if the caller is cancelled
        try:
            await self._submit(*works)
        except Unavailable:
            entry.settlement, entry.committed = settlement, was_committed
            raise

    async def commit_answer(self, entry: AuditEntry, response: bytes, *rows: Work) -> None:
        """Commit as `commit`, with the unsent rest of the answer's body in the entry's hash; send it only after this returns.

        If it cannot be committed, the hash is as before: the middleware commits the entry of the error.
        """
        sent = entry.copy_response_hash()
        entry.add_response(response)
        try:
            await self.commit(entry, *rows)
        except Unavailable:
            entry.restore_response_hash(sent)
            raise

    async def append(self, entry: Entry) -> None:
        """Append an entry other than that of a request, such as a tool call; raises as `commit`."""
        await self._submit(AppendEntry(entry))

    async def _submit(self, *works: Work) -> None:
        try:
            await self._writer.submit(*works)
        except (QueueFullError, StoreUnavailableError, RowsRefusedError) as error:
            raise Unavailable(f"This request cannot be put on record, so it is not answered: {error}.") from error

    async def _sign(self) -> None:
        while True:
            await asyncio.sleep(min(_POLL_S, self._settings.audit.checkpoint_s))
            if await asyncio.to_thread(self._is_due):
                await self._checkpoint()

    def _is_due(self) -> bool:
        """Return whether many rows are unsigned, or one for long; several workers share the checkpoints of all of them."""
        try:
            unsigned = self.store.unsigned()
        except SQLAlchemyError as error:
            _log.warning("the ledger cannot be read; it is signed later: %s", type(error).__name__)
            return False
        audit = self._settings.audit
        is_old = unsigned.since_us is not None and now_us() - unsigned.since_us >= audit.checkpoint_s * SECOND_US
        return is_old or unsigned.rows >= audit.checkpoint_rows

    async def _checkpoint(self) -> None:
        try:
            await asyncio.to_thread(self._write_checkpoint)
        except SQLAlchemyError:
            _log.exception("the ledger was not signed; the next checkpoint covers these rows too")

    def _write_checkpoint(self) -> None:
        checkpoint = self.store.checkpoint()
        if checkpoint is None:
            return
        path = checkpoint_file(self._settings)
        try:
            write_checkpoint(path, checkpoint)
        except OSError as error:
            _log.warning(
                "%s: no checkpoint is written to it: %s; set ML_GUARD_AUDIT_CHECKPOINTS_FILE", path, error.strerror
            )
