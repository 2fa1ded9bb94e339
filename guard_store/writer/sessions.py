"""The writer's connection to each engine: inserts rows fast, durably, and only once.

Only running statements belongs here; which statements make up a transaction is decided by the steps of the domains.
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

# Each execute() releases the GIL and waits milliseconds for it beside a busy event loop: so few, large statements.
_CHUNKS = tuple(2**n for n in range(10, 3, -1))
_SQLITE_PRAGMAS = {
    "cache_size": -65_536,  # KiB: the indexes' inner pages stay in memory
    "temp_store": "MEMORY",  # otherwise the statement journal is a file, written page by page
    "wal_autocheckpoint": 16_384,  # pages: a page that many commits change is copied back once, not each time
}


class Session(Protocol):
    """One connection that belongs to one writer."""

    def begin(self, *, flushed: bool = True) -> None:
        """Start a transaction; unless it is `flushed`, it survives a crash of the process, but not of the machine."""

    def insert(self, target: Target, rows: Sequence[msgspec.Struct]) -> Stored:
        """Store the rows that are not stored yet; a copied target must be the first statement of a transaction."""

    def upsert(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], conflict: str) -> None:
        """Insert rows in their order, with an ON CONFLICT clause."""

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement with parameters marked `?`; return its rows, if any."""

    def commit(self) -> None:
        """Commit the transaction and make it durable."""

    def rollback(self) -> None:
        """Roll the transaction back."""

    def prepare(self) -> None:
        """Prepare the next transaction while no request waits."""

    def close(self) -> None:
        """Close the connection."""

    @property
    def is_broken(self) -> bool:
        """Whether the connection is unusable."""

    @property
    def is_sqlite(self) -> bool:
        """Whether the engine is SQLite."""


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
        """Acquire the write lock, waiting for other writers."""
        self._synchronise("FULL" if flushed else "NORMAL")
        self._connection.execute("BEGIN IMMEDIATE")

    def insert(self, target: Target, rows: Sequence[msgspec.Struct]) -> Stored:
        """Store the rows that are not stored yet."""
        before = self._connection.execute(f"SELECT max(rowid) FROM {target.table}").fetchone()[0] or 0  # noqa: S608
        stored = self._insert(target.table, target.columns, list(map(astuple, rows)), "ON CONFLICT DO NOTHING")
        if stored == len(rows):
            return None
        # The transaction excludes all other writers, so rows numbered above `before` are from this insert.
        sql = f"SELECT {target.key_list} FROM {target.table} WHERE rowid > ?"  # noqa: S608 - our own names
        return set(self._connection.execute(sql, (before,)).fetchall())

    def upsert(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], conflict: str) -> None:
        """Insert rows in their order, with an ON CONFLICT clause."""
        self._insert(table, tuple(columns), rows, conflict)

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement with parameters marked `?`; return its rows, if any."""
        return self._connection.execute(sql, parameters).fetchall()

    def commit(self) -> None:
        """Commit durably (WAL; synchronous FULL if flushed, otherwise NORMAL)."""
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Roll back, unless SQLite has done so already (disk full)."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def prepare(self) -> None:
        """Set the synchronous level of most transactions."""
        self._synchronise("FULL")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def is_broken(self) -> bool:
        """False: a file stays open."""
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
    """COPY of events straight into the table; labels, and events with duplicates, go through a temporary table."""

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
        """Do nothing: the first statement starts the transaction. All are flushed, as the database server may crash alone."""

    def insert(self, target: Target, rows: Sequence[msgspec.Struct]) -> Stored:
        """Store the rows that are not stored yet; a copied target must be the first statement of a transaction."""
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
        """Run a statement with parameters marked `?`; return its rows, if any."""
        cursor = self._connection.execute(sql.replace("?", "%s").encode(), parameters)
        return cursor.fetchall() if cursor.description else []

    def commit(self) -> None:
        """Commit the transaction and make it durable."""
        self._connection.commit()

    def rollback(self) -> None:
        """Roll the transaction back."""
        self._connection.rollback()

    def prepare(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def is_broken(self) -> bool:
        """Whether the server or the network has closed the connection."""
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
    # A few fixed sizes, so that a few prepared statements serve every group; the remaining rows need one more statement.
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
