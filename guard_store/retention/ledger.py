"""How long the ledger is kept: older rows go, behind signed checkpoints, and the sweep itself is on the ledger."""

import msgspec

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_core.units import DAY_US
from guard_store.db.database import Database
from guard_store.ledger.checkpoints import load_signer
from guard_store.ledger.entry import Entry
from guard_store.ledger.store import LedgerStore

_DONE = 200


def sweep_ledger(database: Database, settings: Settings) -> int | None:
    """Delete what is older than `log_retention_days`; returns how many rows, None where everything is kept for ever."""
    if settings.retention.log_days is None:
        return None
    now = now_us()
    before_us = now - settings.retention.log_days * DAY_US
    details = {"ledger_before_us": before_us, "log_retention_days": settings.retention.log_days}
    entry = Entry(
        at_us=now, route="retention", method="SWEEP", status=_DONE, details=msgspec.json.encode(details).decode()
    )
    return LedgerStore(database, load_signer(settings)).prune(before_us, entry)
