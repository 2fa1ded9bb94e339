"""`ml-guard backup` and `restore` against a real server under load: nothing acknowledged is lost, on either engine."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from guard_store.auth.store import KeyStore
from guard_store.backup.create import create_backup
from guard_store.backup.restore import check_backup
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.ingest.tables import events
from guard_store.ledger.store import LedgerFilter, LedgerStore
from guard_store.projects.store import ProjectStore
from tests.serving.predict.registered import FEATURES, MODEL_ID, register
from tests.support.event_requests import event
from tests.support.server import Server, environment, ml_guard, serving, wait_until
from tests.support.settings import settings_of

_PASSPHRASE = "correct horse battery staple"
_PROJECT = "flights"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with a project and a champion."""
    home = tmp_path / "home"
    database = Database(f"sqlite:///{home / 'guard.db'}")
    _prepare(database, home)
    return home


def _prepare(database: Database, home: Path) -> str:
    migrate(database)
    ProjectStore(database).create(_PROJECT, "Flights")
    _, key = KeyStore(database).create("load", "admin")
    database.close()
    register(settings_of(home=home), _PROJECT)
    return key


@contextmanager
def _load(server: Server, key: str) -> Iterator[list[str]]:
    """Send events and predictions until the end; yield the ids of the acknowledged ones."""
    acknowledged: list[str] = []
    is_over = threading.Event()
    failures: list[str] = []

    def send(worker: int) -> None:
        with httpx.Client(base_url=server.url, headers={"X-API-Key": key}, trust_env=False, timeout=60) as client:
            for number in range(100_000):
                if is_over.is_set():
                    return
                name = f"w{worker}-{number}"
                answer = client.post("/api/v1/events", json=event(event_id=name, model_id=MODEL_ID))
                predicted = client.post("/predict", json={"features": FEATURES})
                if not (answer.is_success and predicted.is_success):
                    failures.append(f"{answer.text} {predicted.text}")
                    return
                acknowledged.extend([name, predicted.json()["event_id"]])

    threads = [threading.Thread(target=send, args=(worker,)) for worker in range(3)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(acknowledged) > 60 or failures, "under load")
        yield acknowledged
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert failures == []


def _ids(url: str) -> set[str]:
    database = Database(url)
    try:
        with database.read() as connection:
            return set(connection.scalars(select(events.c.event_id)))
    finally:
        database.close()


def _run(*arguments: str, home: Path, **settings: object) -> str:
    done = ml_guard(*arguments, env=environment(home, backup_passphrase=_PASSPHRASE, **settings), cwd=home.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _backup_under_load(home: Path, file: Path, key: str, **settings: object) -> tuple[set[str], dict[str, Any]]:
    """Return the ids that were acknowledged before the backup, and an answer of the champion."""
    with serving(home, knowledge_embedding_model="none", **settings) as server:
        with _load(server, key) as acknowledged:
            before = set(acknowledged)
            _run("backup", str(file), home=home, **settings)
            wait_until(lambda: len(acknowledged) > len(before), "still under load")
        return before, _predict(server, key)


def _predict(server: Server, key: str) -> dict[str, Any]:
    answer = httpx.post(
        f"{server.url}/predict", json={"features": FEATURES}, headers={"X-API-Key": key}, trust_env=False, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return {name: answer.json()[name] for name in ("prediction", "probability", "model_version")}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_backup_under_load_is_restored_on_the_other_engine_and_on_its_own(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    home, file, target = tmp_path / "home", tmp_path / "guard.tar", tmp_path / "restored"
    is_sqlite = engine == "sqlite"
    source = {} if is_sqlite else {"database_url": request.getfixturevalue("empty_postgresql_url")}
    url = f"sqlite:///{home / 'guard.db'}" if is_sqlite else str(source["database_url"])
    key = _prepare(Database(url), home)
    before, champion = _backup_under_load(home, file, key, **source)
    restored = f"sqlite:///{target / 'guard.db'}"
    # The source is away: nothing restored may depend on it.
    home.rename(tmp_path / "lost")
    output = _run("restore", str(file), "--to", str(target), home=home)
    assert "the ledger is whole" in output
    audit = json.loads(_run("audit", "verify", "--json", home=target))
    assert (audit["ok"], audit["trusted"]) == (True, True)
    assert oct((target / "audit.key").stat().st_mode)[-3:] == "600"
    assert _rows(restored) == check_backup(file).rows["events"]
    with serving(target, knowledge_embedding_model="none") as server:
        assert _predict(server, key) == champion
        wait_until(lambda: before <= _ids(restored), "whole: what waited in the journal is stored too")
    if is_sqlite:
        _restore_into_postgresql(tmp_path, file, request.getfixturevalue("empty_postgresql_url"), key, before)


def _restore_into_postgresql(tmp_path: Path, file: Path, url: str, key: str, before: set[str]) -> None:
    target = tmp_path / "moved"
    _run("restore", str(file), "--to", str(target), "--database-url", url, home=tmp_path / "home")
    assert not (target / "guard.db").exists()
    assert _rows(url) == check_backup(file).rows["events"]
    audit = json.loads(_run("audit", "verify", "--json", home=target, database_url=url))
    assert (audit["ok"], audit["trusted"]) == (True, True)
    with serving(target, knowledge_embedding_model="none", database_url=url) as server:
        _predict(server, key)
        wait_until(lambda: before <= _ids(url), "whole: what waited in the journal is stored too")


def _rows(url: str) -> int:
    database = Database(url)
    try:
        with database.read() as connection:
            return connection.scalar(select(func.count()).select_from(events)) or 0
    finally:
        database.close()


def test_predictions_that_wait_for_the_database_are_contained(tmp_path: Path) -> None:
    home, file, target = tmp_path / "home", tmp_path / "guard.tar", tmp_path / "restored"
    database = Database(f"sqlite:///{home / 'guard.db'}")
    key = _prepare(database, home)
    with serving(home, knowledge_embedding_model="none") as server:
        _predict(server, key)
        with database.write():  # the server's writer waits for it
            answer = httpx.post(
                f"{server.url}/predict", json={"features": FEATURES}, headers={"X-API-Key": key}, trust_env=False
            )
            event_id = answer.json()["event_id"]
            create_backup(settings_of(home=home), file, _PASSPHRASE)
            assert event_id not in _ids(f"sqlite:///{home / 'guard.db'}")
    database.close()
    _run("restore", str(file), "--to", str(target), home=home)
    restored = f"sqlite:///{target / 'guard.db'}"
    assert event_id not in _ids(restored)
    with serving(target, knowledge_embedding_model="none"):
        wait_until(lambda: event_id in _ids(restored), "stored")


def _commands(home: Path) -> list[str]:
    database = Database(f"sqlite:///{home / 'guard.db'}")
    try:
        return [row.route for row in LedgerStore(database, None).page(LedgerFilter(), None, 10)]
    finally:
        database.close()


def test_a_passphrase_is_needed_and_never_printed(home: Path, tmp_path: Path) -> None:
    _run("audit", "key", home=home)
    file = tmp_path / "guard.tar"
    refused = ml_guard("backup", str(file), env=environment(home), cwd=tmp_path)
    assert refused.returncode == 2
    assert "ML_GUARD_BACKUP_PASSPHRASE" in refused.stderr
    assert not file.exists()
    _run("backup", str(file), home=home)
    assert (home / "audit.key").read_bytes() not in file.read_bytes()
    wrong = ml_guard(
        "restore", str(file), "--to", str(tmp_path / "new"), env=environment(home, backup_passphrase="no"), cwd=tmp_path
    )
    assert wrong.returncode == 2
    assert "not the passphrase" in wrong.stderr
    assert not (tmp_path / "new").exists()


def test_without_secrets_no_passphrase_is_needed(home: Path, tmp_path: Path) -> None:
    _run("audit", "key", home=home)
    done = ml_guard("backup", str(tmp_path), "--without-secrets", env=environment(home), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "--public-key" in done.stderr
    (file,) = tmp_path.glob("ml-guard-*.tar")
    done = ml_guard("restore", str(file), "--to", str(tmp_path / "new"), env=environment(home), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "new" / "audit.key").exists()
    assert _commands(home) == ["ml-guard backup"]
    assert _commands(tmp_path / "new") == ["ml-guard restore"]
    done = ml_guard("restore", str(file), "--to", str(tmp_path / "new"), env=environment(home), cwd=tmp_path)
    assert done.returncode == 2
    assert "is not empty" in done.stderr
