"""The ledger entry of a command that changes something: like that of a request by an admin, but with the method `CLI`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # help must not wait for SQLAlchemy
    from guard_store.db.database import Database

_OK = 200


def write_ledger_entry(
    database: "Database", command: str, project_id: str | None = None, **details: str | None
) -> None:
    """Append the entry of a command that succeeded."""
    import msgspec

    from guard_core.days import now_us
    from guard_store.ledger.entry import Entry
    from guard_store.ledger.store import LedgerStore

    entry = Entry(
        at_us=now_us(),
        route=f"ml-guard {command}",
        method="CLI",
        status=_OK,
        role="admin",
        project_id=project_id,
        details=msgspec.json.encode(details).decode(),
    )
    LedgerStore(database, None).append([entry])
