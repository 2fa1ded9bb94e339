"""Real parts for all tests: a PostgreSQL server, migrated databases on both engines, settings in a temporary home."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import make_url

from guard_core.settings import Settings
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.retraining.registry import Registry
from tests.support.aws import OddAws, SeededAws, Variables
from tests.support.mlflow_stores import close_mlflow_stores
from tests.support.postgresql import Copies, initialise_server, new_postgresql, run_server
from tests.support.settings import settings_of

hypothesis.settings.register_profile("untimed", deadline=None)  # how long an example takes depends on the machine
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run tests with the defaults, not with the settings of the developer's environment."""
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    Variables(monkeypatch).forget()


@pytest.fixture(autouse=True)
def _no_mlflow_stores_of_other_tests() -> Iterator[None]:
    """Close what MLflow keeps: every test has a store of its own, and their memory would add up to gigabytes."""
    yield
    close_mlflow_stores()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of a PostgreSQL server of this test session; its `postgres` database is for making others.

    Its folder is none of pytest's: every session of pytest takes away what others than its user may read there, and as
    root the server runs as another user.
    """
    with tempfile.TemporaryDirectory(prefix="ml-guard-postgresql-") as folder:
        server = initialise_server(Path(folder))
        # What these tests kill is our processes, never the machine: the disk need not be waited for.
        with run_server(server, f"-h '' -k {server.pgdata} -c fsync=off -c max_wal_size=128MB -c max_connections=200"):
            yield f"postgresql://postgres@/postgres?host={server.pgdata}"


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_server: str) -> Iterator[Copies]:
    """Copies of a migrated PostgreSQL database: Alembic takes far longer than a copy."""
    with new_postgresql(postgresql_server) as url:
        _migrate(url)
        copies = Copies(postgresql_server, make_url(url).database or "")
        yield copies
        copies.close()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of a migrated SQLite database, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "guard.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgresql_url(migrated_postgresql: Copies) -> Iterator[str]:
    """URL of a new, migrated PostgreSQL database."""
    with migrated_postgresql.one() as url:
        yield url


@pytest.fixture
def empty_postgresql_url(postgresql_server: str) -> Iterator[str]:
    """URL of a new PostgreSQL database without any table."""
    with new_postgresql(postgresql_server) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a new, migrated database, on each engine in turn."""
    if request.param == "sqlite":
        path = tmp_path / "guard.db"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a new database without any table, on each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'guard.db'}"
    url: str = request.getfixturevalue("empty_postgresql_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database, on each engine in turn."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of MLflow's database without any model, to be copied: MLflow takes a second or two to make one."""
    path = tmp_path_factory.mktemp("registry") / "mlflow.db"
    Registry(f"sqlite:///{path}").aliases("none", "none")
    close_mlflow_stores()
    return path


@pytest.fixture
def settings(tmp_path: Path, database_url: str, empty_registry: Path) -> Settings:
    """Settings with a temporary home, a database on each engine in turn, and a registry without models."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copyfile(empty_registry, home / "mlflow.db")
    return settings_of(home=home, database_url=database_url)


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """URL of a server that does as AWS does."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SeededAws]:
    """AWS as moto's server plays it, and the variables that lead there."""
    Variables(monkeypatch).point_to(moto_server)
    seeded = SeededAws(moto_server)
    yield seeded
    seeded.reset()


@pytest.fixture
def odd_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[OddAws]:
    """AWS on a bad day, and the variables that lead there."""
    with OddAws() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        Variables(monkeypatch).point_to(server.url)
        yield server
        server.shutdown()
        thread.join()


def _migrate(url: str) -> None:
    database = Database(url)
    migrate(database)
    database.close()
