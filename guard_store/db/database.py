"""Connections to the operational database: SQLAlchemy transactions on SQLite and PostgreSQL, Arrow on PostgreSQL.

Only connecting belongs here; tables and their rows belong to the stores.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

_BUSY_TIMEOUT_MS = 30_000
_SQLITE_PRAGMAS = {
    "busy_timeout": _BUSY_TIMEOUT_MS,  # first: the next statement may have to wait for another process
    "journal_mode": "WAL",  # readers never wait for the writer
    "synchronous": "FULL",  # a commit survives the loss of power
    "foreign_keys": "ON",
}


class Database:
    """The operational database of one URL; safe to share between threads, not between processes.

    Parameters
    ----------
    url : `sqlite:///path` or `postgresql://user:password@host/name`; a driver in the URL is replaced.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.url = parsed.set(drivername="sqlite" if self.is_sqlite else "postgresql+psycopg")
        self.engine = _sqlite_engine(self) if self.is_sqlite else _postgresql_engine(self)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read-only connection with one consistent snapshot."""
        with self.engine.connect() as connection:
            connection.execution_options(guard_read_only=True)
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction, which is committed at the end of the block and rolled back if the block raises."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def arrow(self) -> Iterator[Any]:
        """Open an ADBC (DBAPI) connection to PostgreSQL for Arrow data; rolled back unless the block commits.

        For SQLite, use `arrow_reader`, which reads in a separate process.
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
        """Close all connections; those in use are closed when they are returned."""
        self.engine.dispose()


class _Pool(QueuePool):
    """Closes connections that are returned after `dispose`; `QueuePool` keeps them open until garbage collection."""

    _is_closed = False

    def dispose(self) -> None:
        """Close the connections that are not in use, and later those that are returned."""
        self._is_closed = True
        super().dispose()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        if self._is_closed:
            super().dispose()


def _postgresql_engine(database: Database) -> Engine:
    # A connection over which nothing arrives any more ends, instead of holding its thread for as long as TCP tries.
    limits = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 10, "tcp_user_timeout": 30_000}
    return create_engine(database.url, poolclass=_Pool, pool_pre_ping=True, connect_args=limits)


def _sqlite_engine(database: Database) -> Engine:
    database.path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(database.url, poolclass=_Pool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we issue BEGIN ourselves; sqlite3 would do it too late
        for name, value in _SQLITE_PRAGMAS.items():
            connection.execute(f"PRAGMA {name} = {value}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writing transaction that begins as a reading one can fail at its first write instead of waiting for the lock.
        read_only = connection.get_execution_options().get("guard_read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
