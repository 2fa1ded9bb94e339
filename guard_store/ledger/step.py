"""The ledger step of a transaction: appends entries to the chain, and stores the bodies that their project keeps."""

from collections.abc import Sequence
from dataclasses import dataclass

from guard_store.ledger.append import append
from guard_store.ledger.bodies import Bodies, store_bodies
from guard_store.ledger.entry import Entry
from guard_store.writer.sessions import Session
from guard_store.writer.work import Work


@dataclass(slots=True)
class AppendEntry(Work):
    """Appends an entry to the chain; `bodies` are stored beside it."""

    entry: Entry
    bodies: Bodies | None = None

    @property
    def request_id(self) -> str | None:  # type: ignore[override]
        """The request id of the entry."""
        return self.entry.request_id


class LedgerStep:
    """Appends the entries of a group; the last step of its transaction."""

    kinds = (AppendEntry,)

    def apply(self, session: Session, works: Sequence[AppendEntry]) -> Sequence[Work]:
        """Append all entries in their order."""
        entries = [work.entry for work in works]
        last_seq = append(session, entries)
        bodies = {id(work.entry): work.bodies for work in works if work.bodies is not None}
        if bodies:
            store_bodies(session, entries, last_seq, bodies)
        return ()
