"""Readiness of real servers whose database or registry hangs and that have just started."""

import fcntl
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.projects.store import ProjectStore
from tests.serving.predict.registered import FEATURES, register
from tests.support.postgresql import frozen_postgresql, own_postgresql
from tests.support.server import http, serving, wait_until
from tests.support.settings import settings_of

pytestmark = pytest.mark.timeout(300)
MOST_S = 2.0
FIRST_LOCK, LOCKS = 120, 8  # bytes of SQLite's `-shm` file that its readers and writers lock


@contextmanager
def locked_for_readers(path: Path) -> Iterator[None]:
    """Hold the locks of a database in WAL mode that a connection in exclusive mode holds."""
    with path.with_name(f"{path.name}-shm").open("r+b") as file:
        wait_until(lambda: _lock(file.fileno()), "locked")
        yield


def _lock(file: int) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, LOCKS, FIRST_LOCK)
    except BlockingIOError:
        return False
    return True


def timed_readiness(url: str) -> tuple[httpx.Response, float]:
    started = time.monotonic()
    answer = http.get(f"{url}/readyz")
    return answer, time.monotonic() - started


def assert_database_hangs(url: str) -> None:
    for _ in range(3):
        answer, seconds = timed_readiness(url)
        assert (answer.status_code, answer.json()["failing"]) == (503, ["database"]), answer.text
        assert seconds < MOST_S


def test_readiness_answers_while_postgresql_is_frozen_and_recovers_with_it(tmp_path: Path) -> None:
    with (
        own_postgresql() as (url, pgdata),
        serving(tmp_path / "home", database_url=url, knowledge_embedding_model="none") as server,
    ):
        with frozen_postgresql(pgdata):
            assert_database_hangs(server.url)
        wait_until(lambda: http.get(f"{server.url}/readyz").is_success, "ready again")


def test_readiness_answers_while_the_sqlite_file_is_locked_and_recovers_with_it(tmp_path: Path) -> None:
    with serving(tmp_path / "home", knowledge_embedding_model="none") as server:
        with locked_for_readers(tmp_path / "home" / "guard.db"):
            assert_database_hangs(server.url)
        wait_until(lambda: http.get(f"{server.url}/readyz").is_success, "ready again")


def test_a_registry_that_hangs_keeps_the_server_from_being_ready_only_for_a_while(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as registry:
        url = f"http://127.0.0.1:{registry.getsockname()[1]}"
        started = time.monotonic()
        with serving(tmp_path / "home", mlflow_url=url, knowledge_embedding_model="none") as server:
            assert 10 < time.monotonic() - started < 60
            assert "registry" in timed_readiness(server.url)[0].json()["degraded"]


def test_the_first_prediction_after_ready_is_as_fast_as_the_others(tmp_path: Path) -> None:
    settings = settings_of(home=tmp_path / "home")
    database = Database(settings.storage.database)
    migrate(database)
    ProjectStore(database).create("flights", "Flights")
    _, key = KeyStore(database).create("sender", "analyst")
    database.close()
    register(settings, "flights")
    with serving(tmp_path / "home", knowledge_embedding_model="none") as server, httpx.Client() as client:
        seconds = []
        for _ in range(30):
            started = time.perf_counter()
            answer = client.post(f"{server.url}/predict", json={"features": FEATURES}, headers={"X-API-Key": key})
            seconds.append(time.perf_counter() - started)
            assert answer.status_code == 200, answer.text
        assert seconds[0] < 0.1, seconds
