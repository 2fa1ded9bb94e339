"""The ledger's step of a transaction: entries join the chain, with the bodies that their project keeps."""

from collections.abc import Sequence
from dataclasses import dataclass

from guard_store.ledger.append import append
from guard_store.ledger.bodies import Bodies, store_bodies
from guard_store.ledger.entry import Entry
from guard_store.writer.sessions import Session
from guard_store.writer.work import Work


@dataclass(slots=True)
class AppendEntry(Work):
    """An entry that joins the chain; `bodies` are kept beside it."""

    entry: Entry
    bodies: Bodies | None = None

    @property
    def request_id(self) -> str | None:  # type: ignore[override]
        """The entry's."""
        return self.entry.request_id


class LedgerStep:
    """Appends the entries of a group; the last step of its transaction."""

    def apply(self, session: Session, works: Sequence[Work]) -> Sequence[Work]:
        """Append all entries in their order."""
        appended = [work for work in works if isinstance(work, AppendEntry)]
        if not appended:
            return ()
        last_seq = append(session, [work.entry for work in appended])
        bodies = {id(work.entry): work.bodies for work in appended if work.bodies is not None}
        if bodies:
            store_bodies(session, [work.entry for work in appended], last_seq, bodies)
        return ()
