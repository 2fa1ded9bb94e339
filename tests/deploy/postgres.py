"""A PostgreSQL server as the image of docker-compose.yml makes it: user, password, database, init scripts, TCP.

The binaries are those of the tests' PostgreSQL package, the same major version as the image.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.deploy.compose import Service
from tests.support.paths import ROOT
from tests.support.postgresql import initialise_server, run_server

_SCRIPTS = "/docker-entrypoint-initdb.d"


@contextmanager
def postgres(service: Service, address: str, password: str, folder: Path) -> Iterator[Path]:
    """Run the server at an address, on the port of its image; gives the folder of its programs."""
    server = initialise_server(folder)
    major = int(service.image.split(":")[1].split(".")[0])
    assert int((folder / "PG_VERSION").read_text()) == major, "test with the version that the image runs"
    # The image's own rule: a password for everybody over TCP; `postgres` is only us, preparing.
    (folder / "pg_hba.conf").write_text("host all postgres 127.0.0.0/8 trust\nhost all all 127.0.0.0/8 scram-sha-256\n")

    with run_server(server, f"-h {address} -p 5432 -k ''"):
        _prepare(service, address, password, server.bin_path)
        yield server.bin_path


def _prepare(service: Service, address: str, password: str, programs: Path) -> None:
    user, name = (service.environment[f"POSTGRES_{key}"] for key in ("USER", "DB"))
    with psycopg.connect(host=address, user="postgres", dbname="postgres", autocommit=True) as connection:
        secret = psycopg.sql.Literal(password)
        connection.execute(
            psycopg.sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(psycopg.sql.Identifier(user), secret)
        )
        connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    for script in sorted((ROOT / service.mounts[_SCRIPTS]).iterdir()):
        psql = [str(programs / "psql"), "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-h", address, "-U", user, "-d", name]
        subprocess.run([*psql, "-f", str(script)], env={"PGPASSWORD": password}, check=True, capture_output=True)
