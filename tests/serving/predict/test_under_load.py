"""`/predict` of real servers under load: champions that move, and a server that is killed."""

import http.client
import json
import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from guard_core.settings import Settings
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.ingest.tables import events
from guard_store.projects.store import ProjectStore
from guard_store.retraining.registry import CHAMPION, Registry
from tests.serving.predict.registered import FEATURES, MODEL_ID, register
from tests.support.server import Server, serving, wait_until
from tests.support.settings import settings_of

pytestmark = pytest.mark.timeout(900)

FLIPS = 10
SENDERS = 8
SWAP_S = 5.0
BODY = json.dumps({"features": FEATURES})


class Load:
    """Senders that ask on until they are told to stop, each on a connection of its own."""

    def __init__(self, server: Server, key: str) -> None:
        self._address = server.url.removeprefix("http://")
        self._key = key
        self._stop = threading.Event()
        self.lock = threading.Lock()
        self.answered: list[str] = []
        self.versions: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.interrupted = 0

    def run(self) -> None:
        """One sender."""
        connection = http.client.HTTPConnection(self._address, timeout=30)
        while not self._stop.is_set():
            try:
                connection.request("POST", "/predict", BODY, {"X-API-Key": self._key})
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.interrupted += 1
                connection.close()
                time.sleep(0.02)
                continue
            self._note(answer.status, body)
        connection.close()

    def _note(self, status: int, body: bytes) -> None:
        told = json.loads(body)
        with self.lock:
            # A version's number is the thousand that its model answers.
            if status != 200 or round(told["prediction"] / 1000) != int(told["model_version"]):
                self.wrong.append(body.decode())
                return
            self.answered.append(told["event_id"])
            self.versions[told["model_version"]] += 1

    def stop(self) -> None:
        """Tell all senders to stop."""
        self._stop.set()


def prepared(home: Path) -> tuple[Settings, Database, str]:
    settings = settings_of(home=home)
    database = Database(settings.storage.database)
    migrate(database)
    ProjectStore(database).create("flights", "Flights")
    _, key = KeyStore(database).create("sender", "analyst")
    return settings, database, key


def ask(server: Server, key: str) -> tuple[str, float]:
    """Version and worker (by its own start) of an answer on a new connection."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    connection.request("POST", "/predict", BODY, {"X-API-Key": key})
    told = json.loads(connection.getresponse().read())
    connection.close()
    return told["model_version"], told["prediction"]


def test_a_champion_that_moves_ten_times_under_load_is_followed_by_all_workers_without_an_error(
    tmp_path: Path,
) -> None:
    settings, database, key = prepared(tmp_path / "home")
    one = register(settings, "flights", level=1)
    two = register(settings, "flights", level=2, champion=False)
    registry = Registry(settings.storage.mlflow)
    late: list[float] = []
    with (
        serving(tmp_path / "home", workers=2, predict_model_poll_s=1) as server,
        ThreadPoolExecutor(SENDERS) as threads,
    ):
        wait_until(lambda: ask(server, key)[0] == one, "serving")
        load = Load(server, key)
        futures = [threads.submit(load.run) for _ in range(SENDERS)]
        try:
            for flip in range(FLIPS):
                version = two if flip % 2 == 0 else one
                registry.set_alias("flights", MODEL_ID, CHAMPION, version)
                moved = time.monotonic()
                time.sleep(SWAP_S / 2)
                # New connections reach either worker: twenty that agree have asked both.
                while {ask(server, key)[0] for _ in range(20)} != {version}:
                    assert time.monotonic() - moved < SWAP_S, f"flip {flip}: not followed within {SWAP_S} s"
                late.append(time.monotonic() - moved)
        finally:
            load.stop()
        for future in futures:
            future.result()
        assert load.wrong == []
        assert load.interrupted == 0
        assert set(load.versions) == {one, two}
        assert min(load.versions.values()) > 500
        wait_until(lambda: _stored(database) >= len(load.answered), "all predictions stored")
    assert _journals(settings) == []
    with database.read() as connection:
        by_version = select(events.c.model_version, func.count()).group_by(events.c.model_version)
        versions = {version: count for version, count in connection.execute(by_version)}  # noqa: C416 - rows are no pairs
    assert all(versions[version] >= count for version, count in load.versions.items())
    database.close()


def test_every_answered_prediction_of_a_killed_server_is_stored_by_the_next(tmp_path: Path) -> None:
    settings, database, key = prepared(tmp_path / "home")
    version = register(settings, "flights", level=1)
    answered: set[str] = set()
    for _ in range(3):
        with serving(tmp_path / "home") as server, ThreadPoolExecutor(SENDERS) as threads:
            wait_until(lambda: ask(server, key)[0] == version, "serving")
            load = Load(server, key)
            futures = [threads.submit(load.run) for _ in range(SENDERS)]
            wait_until(lambda: len(load.answered) > 300, "under load")  # noqa: B023
            os.kill(server.process.pid, signal.SIGKILL)
            server.process.wait()
            load.stop()
            for future in futures:
                future.result()
            assert load.wrong == []
            answered.update(load.answered)
    with serving(tmp_path / "home"):
        wait_until(lambda: _journals(settings, bytes_only=True) == [], "the journals of the killed are empty")
        with database.read() as connection:
            stored = set(connection.scalars(select(events.c.event_id)))
    assert answered <= stored
    database.close()


def _stored(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(events)) or 0


def _journals(settings: Settings, *, bytes_only: bool = False) -> list[str]:
    found = settings.storage.journal.glob("*.journal")
    return [path.name for path in found if not bytes_only or path.stat().st_size]
