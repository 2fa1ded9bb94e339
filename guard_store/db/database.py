"""One door to the operational database: SQLAlchemy transactions on SQLite and PostgreSQL, Arrow on PostgreSQL.

How to connect belongs here; what the rows mean belongs to the module of each table.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

_BUSY_TIMEOUT_MS = 30_000
_SQLITE_PRAGMAS = {
    "journal_mode": "WAL",  # readers never wait for the writer
    "synchronous": "FULL",  # a commit survives the loss of power
    "busy_timeout": _BUSY_TIMEOUT_MS,
    "foreign_keys": "ON",
}


class Database:
    """The operational database of one URL; safe to share between threads, not between processes.

    Parameters
    ----------
    url : `sqlite:///path` or `postgresql://user:password@host/name` (any driver named in it is ours to choose).
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.url = parsed.set(drivername="sqlite" if self.is_sqlite else "postgresql+psycopg")
        self.engine = _sqlite_engine(self) if self.is_sqlite else _postgresql_engine(self)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection with one consistent view, for reading only."""
        with self.engine.connect() as connection:
            connection.execution_options(guard_read_only=True)
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back where it raises."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def arrow(self) -> Iterator[Any]:
        """An ADBC (DBAPI) connection to PostgreSQL, for Arrow in and out; rolled back unless the block commits.

        SQLite's is a matter of `arrow_reader.py`, in a process of its own.
        """
        from adbc_driver_postgresql import dbapi

        if self.is_sqlite:
            raise ValueError("SQLite has no Arrow connection in this process; use guard_store.db.arrow_reader")
        url = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with dbapi.connect(url) as connection:
            yield connection

    @property
    def path(self) -> Path:
        """File of a SQLite database."""
        return Path(self.url.database or "")

    def close(self) -> None:
        """Close all connections: those in use as soon as they come back."""
        self.engine.dispose()


class _Pool(QueuePool):
    """Closes what comes back after its end; SQLAlchemy's own would keep that open until it is collected as garbage."""

    _is_closed = False

    def dispose(self) -> None:
        """Close what is here now."""
        self._is_closed = True
        super().dispose()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        if self._is_closed:
            super().dispose()


def _postgresql_engine(database: Database) -> Engine:
    return create_engine(database.url, poolclass=_Pool, pool_pre_ping=True)


def _sqlite_engine(database: Database) -> Engine:
    database.path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(database.url, poolclass=_Pool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves; sqlite3 would say it too late
        for name, value in _SQLITE_PRAGMAS.items():
            connection.execute(f"PRAGMA {name} = {value}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer that begins as a reader can fail at its first write instead of waiting for its turn.
        read_only = connection.get_execution_options().get("guard_read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
