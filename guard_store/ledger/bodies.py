"""Bodies of requests and answers that a project stores, as filtered by its content policy.

They are stored beside the chain, which contains only their hashes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select

from guard_store.db.database import Database
from guard_store.ledger.append import Statements
from guard_store.ledger.entry import Entry
from guard_store.ledger.tables import ledger_bodies

_COLUMNS = ("seq", "at_us", "request_id", "project_id", "request", "response")
_PIECE_ROWS = 2_000  # rows of one DELETE, for which other writers wait


@dataclass(frozen=True, slots=True)
class Bodies:
    """JSON texts of a request and its answer; `response` is None if there was no answer."""

    request: str
    response: str | None


@dataclass(frozen=True, slots=True)
class StoredBodies:
    """Bodies of a row of the ledger."""

    seq: int
    at_us: int
    request_id: str | None
    project_id: str | None
    request: str
    response: str | None


def store_bodies(statements: Statements, entries: Sequence[Entry], last_seq: int, bodies: Mapping[int, Bodies]) -> None:
    """Store bodies of entries that have just been appended, in the same transaction.

    Parameters
    ----------
    last_seq : number of the last entry.
    bodies : by `id` of their entry.
    """
    rows = []
    for seq, entry in enumerate(entries, last_seq - len(entries) + 1):
        body = bodies.get(id(entry))
        if body is not None:
            rows.append((seq, entry.at_us, entry.request_id, entry.project_id, body.request, body.response))
    if rows:
        statements.upsert("ledger_bodies", _COLUMNS, rows, "")


class BodyStore:
    """Reads and deletes bodies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_request(self, request_id: str, project_id: str | None, limit: int = 100) -> list[StoredBodies]:
        """Return the bodies of requests with an id, newest first; of one project, or of all."""
        c = ledger_bodies.c
        statement = select(*(c[name] for name in _COLUMNS)).where(c.request_id == request_id)
        if project_id is not None:
            statement = statement.where(c.project_id == project_id)
        with self._database.read() as connection:
            return [StoredBodies(*row) for row in connection.execute(statement.order_by(c.seq.desc()).limit(limit))]

    def forget(self, before_us: int) -> int:
        """Delete older bodies, piece by piece; return how many."""
        c = ledger_bodies.c
        old = select(c.seq).where(c.at_us < before_us).order_by(c.seq).limit(_PIECE_ROWS)
        deleted = 0
        while True:
            with self._database.write() as connection:
                piece = connection.execute(delete(ledger_bodies).where(c.seq.in_(old))).rowcount
            deleted += piece
            if piece < _PIECE_ROWS:
                return deleted
