"""The writer's own connection to each engine: how rows get in fast, durably, and only once.

Here is only how each engine runs statements; which statements make a transaction is for the steps of the domains.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Protocol

import msgspec
import psycopg
from msgspec.structs import astuple
from psycopg.errors import UniqueViolation

from guard_store.db.database import Database
from guard_store.writer.target import Stored, Target

# Each execute() gives the GIL away and waits for it again, for milliseconds beside a busy event loop: few large steps.
_CHUNKS = tuple(2**n for n in range(10, 3, -1))
_SQLITE_PRAGMAS = {
    "cache_size": -65_536,  # KiB: the indexes' inner pages stay in memory
    "temp_store": "MEMORY",  # what it keeps to undo one statement would be a file, written page by page
    "wal_autocheckpoint": 16_384,  # pages: a page that many commits touch is copied back once, not each time
}


class Session(Protocol):
    """One connection that belongs to one writer."""

    def begin(self, *, flushed: bool = True) -> None:
        """Start a transaction; one that is not `flushed` survives the death of any process of ours, not that of the machine."""

    def insert(self, target: Target, rows: Sequence[msgspec.Struct]) -> Stored:
        """Store the rows that are not there yet; a copied target must be the first statement of a transaction."""

    def upsert(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], conflict: str) -> None:
        """Insert rows in their order, with an ON CONFLICT clause."""

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement, its parameters marked `?`; its rows, where it has some."""

    def commit(self) -> None:
        """Make it durable."""

    def rollback(self) -> None:
        """Undo what the transaction has done."""

    def rest(self) -> None:
        """Between two transactions, when nobody waits: do what the next would else begin with."""

    def close(self) -> None:
        """Give the connection up."""

    @property
    def is_broken(self) -> bool:
        """Whether the connection can never be used again."""

    @property
    def is_sqlite(self) -> bool:
        """Which engine it is."""


def open_session(database: Database) -> Session:
    """Connect a writer to the database."""
    return SqliteSession(database) if database.is_sqlite else PostgresqlSession(database)


class SqliteSession:
    """Multi-row INSERTs on a connection of its own."""

    is_sqlite = True

    def __init__(self, database: Database) -> None:
        pooled = database.engine.raw_connection()
        connection = pooled.driver_connection
        pooled.detach()
        assert isinstance(connection, sqlite3.Connection)  # noqa: S101 - for the type checker
        for name, value in _SQLITE_PRAGMAS.items():
            connection.execute(f"PRAGMA {name} = {value}")
        self._connection = connection
        self._synchronous = "FULL"

    def begin(self, *, flushed: bool = True) -> None:
        """Take the write lock; whoever holds it now is waited for."""
        self._synchronise("FULL" if flushed else "NORMAL")
        self._connection.execute("BEGIN IMMEDIATE")

    def insert(self, target: Target, rows: Sequence[msgspec.Struct]) -> Stored:
        """Store the rows that are not there yet."""
        before = self._connection.execute(f"SELECT max(rowid) FROM {target.table}").fetchone()[0] or 0  # noqa: S608
        stored = self._insert(target.table, target.columns, list(map(astuple, rows)), "ON CONFLICT DO NOTHING")
        if stored == len(rows):
            return None
        # The transaction excludes all other writers, so what is numbered above `before` is ours.
        sql = f"SELECT {target.key_list} FROM {target.table} WHERE rowid > ?"  # noqa: S608 - our own names
        found = self._connection.execute(sql, (before,))
        return set(found.fetchall())

    def upsert(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], conflict: str) -> None:
        """Insert rows in their order, with an ON CONFLICT clause."""
        self._insert(table, tuple(columns), rows, conflict)

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement, its parameters marked `?`; its rows, where it has some."""
        return self._connection.execute(sql, parameters).fetchall()

    def commit(self) -> None:
        """Make it durable (WAL, synchronous FULL, unless it need not be flushed)."""
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Undo; where SQLite has undone it already (disk full), there is nothing to do."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def rest(self) -> None:
        """Most transactions are flushed."""
        self._synchronise("FULL")

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()

    @property
    def is_broken(self) -> bool:
        """A file does not go away by itself."""
        return False

    def _synchronise(self, level: str) -> None:
        if level != self._synchronous:
            self._connection.execute(f"PRAGMA synchronous = {level}")
            self._synchronous = level

    def _insert(self, table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]], conflict: str) -> int:
        stored = 0
        for chunk in _chunks(rows):
            sql = _insert_sql(table, columns, len(chunk), "?", conflict)
            stored += self._connection.execute(sql, list(chain.from_iterable(chunk))).rowcount
        return stored


class PostgresqlSession:
    """Events by COPY straight into the table; labels, and events among which it meets a duplicate, through a temporary one."""

    is_sqlite = False

    def __init__(self, database: Database) -> None:
        url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection = psycopg.connect(
            url,
            connect_timeout=5,
            keepalives_idle=10,
            tcp_user_timeout=30_000,
            options="-c synchronous_commit=on -c lock_timeout=30s",
        )

    def begin(self, *, flushed: bool = True) -> None:
        """Nothing to do: the first statement starts the transaction, and each is flushed, because the server may die alone."""

    def insert(self, target: Target, rows: Sequence[msgspec.Struct]) -> Stored:
        """Store the rows that are not there yet; a copied target must be the first statement of a transaction."""
        # In key order, so that writers with the same rows wait for each other instead of deadlocking.
        ordered = list(map(astuple, target.in_key_order(rows)))
        if not target.is_copied:
            return self._insert_new(target, ordered)
        try:
            self._copy(f"{target.table} ({target.column_list})", ordered, target.types)
        except UniqueViolation:
            self._connection.rollback()
            return self._insert_new(target, ordered)
        return None

    def upsert(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], conflict: str) -> None:
        """Insert rows in their order, with an ON CONFLICT clause."""
        for chunk in _chunks(rows):
            sql = _insert_sql(table, tuple(columns), len(chunk), "%s", conflict)
            self._connection.execute(sql.encode(), list(chain.from_iterable(chunk)))

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement, its parameters marked `?`; its rows, where it has some."""
        cursor = self._connection.execute(sql.replace("?", "%s").encode(), parameters)
        return cursor.fetchall() if cursor.description else []

    def commit(self) -> None:
        """Make it durable."""
        self._connection.commit()

    def rollback(self) -> None:
        """Undo."""
        self._connection.rollback()

    def rest(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()

    @property
    def is_broken(self) -> bool:
        """Whether the server or the network has ended it."""
        return self._connection.closed

    def _insert_new(self, target: Target, rows: Sequence[tuple[Any, ...]]) -> Stored:
        incoming = f"incoming_{target.table}"
        self._connection.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {incoming} ON COMMIT DELETE ROWS"  # noqa: S608 - our own names
            f" AS SELECT {target.column_list}, 0 AS place FROM {target.table} WITH NO DATA".encode()
        )
        numbered = [(*row, place) for place, row in enumerate(rows)]
        self._copy(f"{incoming} ({target.column_list}, place)", numbered, (*target.types, "int4"))
        cursor = self._connection.execute(
            f"INSERT INTO {target.table} ({target.column_list}) SELECT {target.column_list} FROM {incoming}"  # noqa: S608
            f" ORDER BY place ON CONFLICT DO NOTHING RETURNING {target.key_list}".encode()
        )
        return set(cursor.fetchall())

    def _copy(self, target: str, rows: Sequence[tuple[Any, ...]], types: Sequence[str]) -> None:
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY {target} FROM STDIN (FORMAT BINARY)".encode()) as copy,
        ):
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)


def _chunks(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    # A few fixed sizes, so that a few prepared statements serve every group; the last few rows are one statement more.
    if len(rows) <= _CHUNKS[-1]:
        if rows:
            yield rows
        return
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size
    if start < len(rows):
        yield rows[start:]


@lru_cache(maxsize=256)
def _insert_sql(table: str, columns: tuple[str, ...], n: int, mark: str, conflict: str) -> str:
    row = f"({', '.join([mark] * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * n)} {conflict}"  # noqa: S608
