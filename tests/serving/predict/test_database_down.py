"""`/predict` of a real server whose PostgreSQL hangs or has been killed: it goes on, on record, and no prediction is lost."""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.ingest.tables import events
from guard_store.ledger.tables import ledger
from guard_store.projects.store import ProjectStore
from tests.serving.predict.registered import FEATURES, register
from tests.support.postgresql import frozen_postgresql, initialise_server, own_postgresql, run_server
from tests.support.server import Server, serving, wait_until
from tests.support.settings import settings_of

pytestmark = pytest.mark.timeout(300)
SLOWEST_S = 2.0
CACHE_S = 1


def prepare(home: Path, url: str) -> str:
    """Make a project with a champion; return a key."""
    settings = settings_of(home=home, database_url=url)
    database = Database(url)
    migrate(database)
    ProjectStore(database).create("flights", "Flights")
    _, key = KeyStore(database).create("sender", "analyst")
    database.close()
    register(settings, "flights")
    return key


def settings_for(url: str) -> dict[str, object]:
    return {"database_url": url, "key_cache_s": CACHE_S, "knowledge_embedding_model": "none"}


def predict(server: Server, key: str, rows: int = 1) -> httpx.Response:
    """Predict on a new connection; more than some rows are predicted in a thread."""
    body = {"instances": [{"features": FEATURES}] * rows}
    return httpx.post(f"{server.url}/predict", json=body, headers={"X-API-Key": key}, timeout=30)


def assert_goes_on(server: Server, key: str, seconds: float) -> int:
    """Predict for some seconds, longer than the cache lasts; return how many predictions were answered."""
    answered, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        for rows in (1, 100):
            started = time.monotonic()
            answer = predict(server, key, rows)
            assert answer.status_code == 200, answer.text
            assert time.monotonic() - started < SLOWEST_S
            answered += rows
    return answered


def assert_recorded(url: str, answered: int) -> None:
    """Wait until all predictions are events, and find those of the outage on the ledger."""
    database = Database(url)

    def count() -> int:
        with database.read() as connection:
            return connection.scalar(select(func.count()).select_from(events)) or 0

    wait_until(lambda: count() == answered, "stored")
    with database.read() as connection:
        details = connection.scalars(select(ledger.c.details).where(ledger.c.route == "/predict")).all()
    database.close()
    assert any("database_silent_s" in str(detail) for detail in details)
    assert any("database_silent_s" not in str(detail) for detail in details)


def test_predictions_go_on_while_postgresql_is_frozen(tmp_path: Path) -> None:
    with own_postgresql() as (url, pgdata):
        key = prepare(tmp_path / "home", url)
        with serving(tmp_path / "home", **settings_for(url)) as server:
            answered = assert_goes_on(server, key, CACHE_S)
            with frozen_postgresql(pgdata):
                # Routes that need the database hold the threads of the event loop.
                with httpx.Client(headers={"X-API-Key": key}, timeout=0.2) as client:
                    for _ in range(30):
                        with pytest.raises(httpx.ReadTimeout):
                            client.get(f"{server.url}/api/v1/projects")
                answered += assert_goes_on(server, key, 4 * CACHE_S)
                unknown = predict(server, "mlg_unknown")
                assert unknown.status_code == 503, unknown.text
            assert_recorded(url, answered)
            assert predict(server, "mlg_unknown").status_code == 401


def test_predictions_go_on_while_postgresql_is_down_until_their_key_is_revoked(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="ml-guard-postgresql-") as folder, ExitStack() as running:
        postgresql = initialise_server(Path(folder))
        options = f"-h '' -k {postgresql.pgdata} -c fsync=off"
        url = f"postgresql://postgres@/postgres?host={postgresql.pgdata}"
        with run_server(postgresql, options):
            key = prepare(tmp_path / "home", url)
            server = running.enter_context(serving(tmp_path / "home", **settings_for(url)))
            answered = assert_goes_on(server, key, CACHE_S)
        answered += assert_goes_on(server, key, 4 * CACHE_S)
        with run_server(postgresql, options):
            assert_recorded(url, answered)
            database = Database(url)
            keys = KeyStore(database)
            keys.revoke(keys.page(limit=1)[0].id)
            database.close()
            wait_until(lambda: predict(server, key).status_code == 401, "revoked")
            running.close()


def test_predictions_end_after_the_longest_outage(tmp_path: Path) -> None:
    with own_postgresql() as (url, pgdata):
        key = prepare(tmp_path / "home", url)
        with serving(tmp_path / "home", **settings_for(url), outage_s=2) as server:
            assert predict(server, key).status_code == 200
            with frozen_postgresql(pgdata):
                time.sleep(CACHE_S + 2)
                answer = predict(server, key)
                assert answer.status_code == 503
                assert "database" in answer.json()["detail"]
            wait_until(lambda: predict(server, key).status_code == 200, "answering again")
