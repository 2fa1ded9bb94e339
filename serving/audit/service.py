"""The ledger of a running server: entries go through the group writer, checkpoints are signed periodically.

Routes are `endpoints`; the chain and its proof are `guard_store.ledger`.
"""

import asyncio
import logging

from sqlalchemy.exc import SQLAlchemyError

from guard_core.settings import Settings
from guard_store.db.database import Database
from guard_store.ledger.bodies import Bodies, BodyStore
from guard_store.ledger.checkpoints import load_signer
from guard_store.ledger.entry import Entry
from guard_store.ledger.step import AppendEntry
from guard_store.ledger.store import LedgerStore
from guard_store.retention.sweeps import sweep_bodies, sweep_ledger
from guard_store.spending.requests import SettleCall
from guard_store.writer.work import QueueFullError, RowsRefusedError, StoreUnavailableError
from guard_store.writer.writer import GroupWriter
from serving.audit.entry import AuditEntry
from serving.http.problems import Unavailable

_log = logging.getLogger(__name__)


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
        """Delete rows and bodies past their retention, and start signing checkpoints."""
        await asyncio.to_thread(sweep_ledger, self._database, self._settings)
        await asyncio.to_thread(sweep_bodies, self._database, self._settings)
        self._task = asyncio.create_task(self._sign())

    async def stop(self) -> None:
        """Sign a last checkpoint."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._checkpoint()

    async def commit(self, entry: AuditEntry, settlement: SettleCall | None = None) -> None:
        """Commit the entry of a request and the settlement of its call in one transaction; return when it is durable.

        Raises
        ------
        Unavailable
            If that is not possible now; the answer must not be sent.
        """
        entry.committed = True  # before the wait: a transaction goes on even if the caller is cancelled
        try:
            await self.append(entry.row(), entry.bodies, settlement)
        except Unavailable:
            entry.committed = False
            raise

    async def append(self, entry: Entry, bodies: Bodies | None = None, settlement: SettleCall | None = None) -> None:
        """Append an entry other than that of a request, such as a tool call; raises as `commit`."""
        work = AppendEntry(entry, bodies)
        try:
            await (self._writer.submit(work) if settlement is None else self._writer.submit(settlement, work))
        except (QueueFullError, StoreUnavailableError, RowsRefusedError) as error:
            raise Unavailable(f"This request cannot be put on record, so it is not answered: {error}.") from error

    async def _sign(self) -> None:
        while True:
            await asyncio.sleep(self._settings.audit.checkpoint_s)
            await self._checkpoint()

    async def _checkpoint(self) -> None:
        try:
            await asyncio.to_thread(self.store.checkpoint)
        except SQLAlchemyError:
            _log.exception("the ledger was not signed; the next checkpoint covers these rows too")
