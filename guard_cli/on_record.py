"""Commands that change something are on the ledger like requests: as those of an admin at the command line."""

import msgspec

from guard_core.days import now_us
from guard_store.db.database import Database
from guard_store.ledger.entry import Entry
from guard_store.ledger.store import LedgerStore

_DONE = 200


def on_record(database: Database, command: str, project_id: str | None = None, **details: str | None) -> None:
    """Put a command that was done on record."""
    entry = Entry(
        at_us=now_us(),
        route=f"ml-guard {command}",
        method="CLI",
        status=_DONE,
        role="admin",
        project_id=project_id,
        details=msgspec.json.encode(details).decode(),
    )
    LedgerStore(database, None).append([entry])
