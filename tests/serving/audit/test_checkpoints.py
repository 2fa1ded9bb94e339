"""When checkpoints are signed, where they are written, and what `audit verify` says where they are missing or stale."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import delete

from guard_cli.main import main
from guard_core.days import now_us
from guard_core.settings import Settings
from guard_store.db.database import Database
from guard_store.ledger.checkpoint_file import checkpoint_file, newest_written, write_checkpoint
from guard_store.ledger.checkpoints import load_signer
from guard_store.ledger.entry import Entry
from guard_store.ledger.store import LedgerStore
from guard_store.ledger.tables import ledger_checkpoints
from serving.app import create_app
from tests.support.clients import wait_for
from tests.support.settings import with_values

WORKERS = 8


def entry(*, age_s: int = 0) -> Entry:
    return Entry(at_us=now_us() - age_s * 1_000_000, route="/x", method="GET", status=200)


@pytest.fixture
def store(settings: Settings, database: Database) -> LedgerStore:
    return LedgerStore(database, load_signer(settings))


def test_workers_that_stop_together_sign_one_checkpoint_once(settings: Settings, store: LedgerStore) -> None:
    databases = [Database(settings.storage.database) for _ in range(WORKERS)]
    signer = load_signer(settings)
    for _ in range(10):
        store.append([entry()])
        together = Barrier(WORKERS)

        def sign(database: Database, together: Barrier = together) -> bool:
            together.wait()
            return LedgerStore(database, signer).checkpoint() is not None

        with ThreadPoolExecutor(WORKERS) as pool:
            assert sum(pool.map(sign, databases)) == 1
    for database in databases:
        database.close()


@pytest.mark.usefixtures("_logging_as_before")
async def test_checkpoints_are_signed_at_the_start_and_every_so_many_rows_and_written_to_a_second_place(
    settings: Settings, store: LedgerStore
) -> None:
    settings = with_values(settings, audit_checkpoint_rows=5)
    store.append([entry(), entry()])
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        newest = store.newest_checkpoint()
        assert newest is not None
        assert newest.seq == 2
        assert checkpoint_file(settings) == settings.storage.home.with_name("home.checkpoints.jsonl")
        assert newest_written(checkpoint_file(settings)) == newest
        store.append([entry()] * 6)
        await wait_for(lambda: store.unsigned().rows == 0, 5)


def test_verify_warns_of_a_missing_a_stale_and_a_removed_checkpoint(
    settings: Settings,
    store: LedgerStore,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ML_GUARD_HOME", str(settings.storage.home))
    monkeypatch.setenv("ML_GUARD_DATABASE_URL", settings.storage.database)

    def warning() -> str:
        assert main(["audit", "verify"]) == 0
        return capsys.readouterr().err

    assert warning() == ""
    store.append([entry(age_s=700)])
    assert "no checkpoint is signed yet" in warning()
    checkpoint = store.checkpoint()
    assert checkpoint is not None
    assert "lacks the newest checkpoint, of row 1" in warning()
    path: Path = checkpoint_file(settings)
    write_checkpoint(path, checkpoint)
    assert warning() == ""
    store.append([entry(age_s=650)])
    assert "stale: 1 rows since are not signed" in warning()
    with database.write() as connection:
        connection.execute(delete(ledger_checkpoints))
    assert "which the database lacks" in warning()
