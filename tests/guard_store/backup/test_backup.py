"""Backups of what is stored: all types of values on both engines, older schemas, the lake, and what is damaged or cut off."""

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Connection, insert, select

from guard_core.settings import Settings
from guard_store.backup.archive import ArchiveWriter, BackupError, open_archive
from guard_store.backup.create import create_backup
from guard_store.backup.restore import Restored, check_backup, restore_backup
from guard_store.backup.rows import tables_of
from guard_store.db.database import Database
from guard_store.db.migrate import is_current, migrate
from guard_store.ingest.tables import labels
from guard_store.lake.store import Lake
from guard_store.ledger.checkpoint_file import checkpoint_file, write_checkpoint
from guard_store.ledger.checkpoints import load_signer
from guard_store.ledger.entry import Entry
from guard_store.ledger.store import LedgerStore
from guard_store.projects.store import ProjectStore

_PASSPHRASE = "correct horse"


def _fill(settings: Settings) -> None:
    """Store a project, three rows of the ledger with a checkpoint after the second, and two versions of a day in the lake."""
    database = Database(settings.storage.database)
    ProjectStore(database).create("shop", "Shöp", settings={"tools": {"fetch": {"hosts": ["ä.example"]}}})
    signer = load_signer(settings)
    ledger = LedgerStore(database, signer)
    for number in range(3):
        ledger.append([Entry(at_us=number, route="/query", method="POST", status=200, compliance_flag=number == 1)])
        if number == 1:
            checkpoint = ledger.checkpoint()
            assert checkpoint is not None
            write_checkpoint(checkpoint_file(settings), checkpoint)
    database.close()
    lake = Lake(settings.storage.lake)
    for value in (1.5, 2.5):
        lake.replace_day("shop", "m", "2013-01-01", _lake_rows(value))


def _lake_rows(value: float) -> pa.Table:
    return pa.table({"day": pa.array([date(2013, 1, 1)]), "feature_x": [value]})


def _backup(settings: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "guard.tar"
    create_backup(settings, path, _PASSPHRASE)
    return path


def _restore(path: Path, home: Path, **changed: Any) -> Restored:
    targets: dict[str, Any] = {"database_url": None, "lake_url": None, "passphrase": _PASSPHRASE, **changed}
    return restore_backup(path, home, **targets)


def _content(url: str) -> dict[str, list[tuple[Any, ...]]]:
    database = Database(url)
    try:
        with database.read() as connection:
            return {table.name: _rows(connection, table) for table in tables_of(connection)}
    finally:
        database.close()


def _rows(connection: Connection, table: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in connection.execute(select(table))), key=repr)


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_all_tables_are_the_same_on_each_engine_after_a_restoration(
    settings: Settings, tmp_path: Path, target: str, request: pytest.FixtureRequest
) -> None:
    _fill(settings)
    path = _backup(settings, tmp_path)
    url = None if target == "sqlite" else str(request.getfixturevalue("empty_postgresql_url"))
    home = tmp_path / "restored"
    restored = _restore(path, home, database_url=url)
    assert (restored.verification.ok, restored.verification.rows, restored.verification.checkpoints) == (True, 3, 1)
    assert restored.trusted
    assert _content(url or f"sqlite:///{home / 'guard.db'}") == _content(settings.storage.database)
    assert (home / "audit.key").read_bytes() == (settings.storage.home / "audit.key").read_bytes()
    versions = [Lake(str(home / "lake")).table("shop", "m", version) for version in (1, 2)]
    assert [table and table.to_pyarrow_table()["feature_x"].to_pylist() for table in versions] == [[1.5], [2.5]]
    assert not (home / ".restore").exists()


def test_numbers_of_rows_go_on_after_the_highest_one(
    settings: Settings, tmp_path: Path, empty_postgresql_url: str
) -> None:
    _fill(settings)
    source = Database(settings.storage.database)
    label = {
        "project_id": "shop",
        "observed_us": 1,
        "value_hash": "h",
        "y_true": "1",
        "received_us": 1,
        "waiting": False,
    }
    with source.write() as connection:
        connection.execute(insert(labels), [{**label, "event_id": f"e{number}"} for number in range(5)])
    source.close()
    _restore(_backup(settings, tmp_path), tmp_path / "restored", database_url=empty_postgresql_url)
    restored = Database(empty_postgresql_url)
    with restored.write() as connection:
        connection.execute(insert(labels), [{**label, "event_id": "new"}])
        assert connection.scalar(select(labels.c.seq).where(labels.c.event_id == "new")) == 6
    restored.close()


def test_a_flipped_byte_is_found_by_the_name_of_its_file(settings: Settings, tmp_path: Path) -> None:
    _fill(settings)
    path = _backup(settings, tmp_path)
    with open_archive(path) as archive:
        places = {member.name: member.offset_data for member in archive._tar.getmembers() if member.size}
    whole = path.read_bytes()
    for name, offset in places.items():
        damaged = bytearray(whole)
        damaged[offset] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(BackupError, match=name.removesuffix(".sha256")):
            _restore(path, tmp_path / "restored")
        assert not (tmp_path / "restored").exists()


def test_a_backup_that_is_cut_off_is_refused_wherever_it_ends(settings: Settings, tmp_path: Path) -> None:
    _fill(settings)
    path = _backup(settings, tmp_path)
    whole = path.read_bytes()
    for size in (0, 100, len(whole) // 3, len(whole) // 2, len(whole) - 12_000):
        path.write_bytes(whole[:size])
        with pytest.raises(BackupError, match=r"no whole backup|no backup|damaged|missing"):
            check_backup(path)


def test_a_backup_that_fails_leaves_no_file(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "backups" / "guard.tar"
    path.parent.mkdir()
    with ArchiveWriter(path) as archive, pytest.raises(OSError, match="unexpected end of data"):
        archive.add("shorter", io.BytesIO(b"1"), 2)
    assert list(path.parent.iterdir()) == []
    _fill(settings)
    create_backup(settings, path, None)
    assert [entry.name for entry in path.parent.iterdir()] == ["guard.tar"]
    assert oct(path.stat().st_mode)[-3:] == "600"
    with pytest.raises(BackupError, match="exists"):
        create_backup(settings, path, None)


def test_targets_that_hold_something_are_refused_and_stay_as_they_are(
    settings: Settings, tmp_path: Path, empty_postgresql_url: str
) -> None:
    _fill(settings)
    path = _backup(settings, tmp_path)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes.txt").write_text("mine")
    with pytest.raises(BackupError, match="is not empty"):
        _restore(path, tmp_path / "used")
    assert [entry.name for entry in (tmp_path / "used").iterdir()] == ["notes.txt"]
    _restore(path, tmp_path / "first", database_url=empty_postgresql_url)
    before = _content(empty_postgresql_url)
    with pytest.raises(BackupError, match="the database is not empty"):
        _restore(path, tmp_path / "second", database_url=empty_postgresql_url)
    assert _content(empty_postgresql_url) == before
    assert not (tmp_path / "second").exists()


def test_a_backup_of_an_older_schema_is_migrated(settings: Settings, tmp_path: Path) -> None:
    _fill(settings)
    database = Database(settings.storage.database)
    migrate(database, "0017")
    path = _backup(settings, tmp_path)
    assert check_backup(path).schema == "0017"
    restored = _restore(path, tmp_path / "restored")
    assert restored.verification.ok
    new = Database(f"sqlite:///{tmp_path / 'restored' / 'guard.db'}")
    assert is_current(new)
    new.close()
    database.close()


def test_checkpoints_of_later_rows_stay_out(settings: Settings, tmp_path: Path) -> None:
    _fill(settings)
    later = load_signer(settings).checkpoint(99, "f" * 64, "periodic", 1)
    write_checkpoint(checkpoint_file(settings), later)
    _restore(_backup(settings, tmp_path), tmp_path / "restored")
    lines = (tmp_path / "restored.checkpoints.jsonl").read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [2]
