"""Append rows to the chain, in the transaction of the action that they record, one transaction after the other.

Append at the end of a transaction: all other writers wait for the lock of the chain until the commit.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Connection

from guard_store.ledger.entry import COLUMNS, GENESIS, Entry, chain_entry, row_values

_LOCK_KEY = 0x6C6564676572  # "ledger" in ASCII


class Statements(Protocol):
    """Statements of a transaction, on either engine."""

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement with parameters marked `?`; return its rows, if any."""

    def upsert(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], conflict: str) -> None:
        """Insert rows in their order."""

    @property
    def is_sqlite(self) -> bool:
        """Whether the engine is SQLite."""


def append(statements: Statements, entries: Sequence[Entry]) -> int:
    """Append entries to the chain; return the number of the last one.

    The transaction must be able to write (SQLite: begun IMMEDIATE), and commit soon.
    """
    if not statements.is_sqlite:  # SQLite's only writer needs no other lock
        statements.run("SELECT pg_advisory_xact_lock(?)", (_LOCK_KEY,))
    seq, prev_hash = head(statements)
    rows = []
    for entry in entries:
        seq += 1
        row = chain_entry(entry, seq, prev_hash)
        prev_hash = row.hash
        rows.append(row_values(row))
    statements.upsert("ledger", COLUMNS, rows, "")
    return seq


def head(statements: Statements) -> tuple[int, str]:
    """Return number and hash of the newest row; (0, GENESIS) if there is none."""
    rows = statements.run("SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1")
    return (rows[0][0], rows[0][1]) if rows else (0, GENESIS)


class ConnectionStatements:
    """Statements of an SQLAlchemy transaction, for callers other than the writer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.is_sqlite = connection.dialect.name == "sqlite"

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement with parameters marked `?`; return its rows, if any."""
        result = self._connection.exec_driver_sql(self._with_marks(sql), tuple(parameters))
        return [tuple(row) for row in result] if result.returns_rows else []

    def upsert(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], conflict: str) -> None:
        """Insert rows in their order."""
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) {conflict}"  # noqa: S608 - our own names
        for row in rows:
            self.run(sql, row)

    def _with_marks(self, sql: str) -> str:
        return sql if self.is_sqlite else sql.replace("?", "%s")
