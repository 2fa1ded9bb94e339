"""Restores a backup into an empty home folder, and into SQLite there or an empty database of PostgreSQL.

All files are prepared in one folder inside the home folder and moved to their places at the end, the database last.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from guard_core.settings import Settings, StorageSettings
from guard_store.backup.archive import Archive, BackupError, open_archive
from guard_store.backup.create import AUDIT_KEY, CHECKPOINTS, MLFLOW_DATABASE
from guard_store.backup.encryption import decrypt
from guard_store.backup.lake_files import is_empty, restore_lake
from guard_store.backup.manifest import Manifest
from guard_store.backup.mlflow_store import move_artifacts
from guard_store.backup.rows import clear, has_rows, load, set_sequences, tables_of
from guard_store.db.database import Database
from guard_store.db.migrate import is_known, migrate
from guard_store.ledger.checkpoint_file import checkpoint_file
from guard_store.ledger.checkpoints import load_signer
from guard_store.ledger.store import LedgerStore
from guard_store.ledger.verify import Verification

_PARTIAL: Final = ".restore"
_DATABASE: Final = "guard.db"
_FILES: Final = ("mlflow/", "journal/")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, and whether the ledger is whole there.

    Attributes
    ----------
    trusted : whether checkpoints had to be signed by the key that was restored.
    database_url : of the restored database, secrets included.
    """

    manifest: Manifest
    verification: Verification
    trusted: bool
    database_url: str = field(repr=False)


def check_backup(path: Path) -> Manifest:
    """Compare all files of a backup with their hashes, and return its manifest.

    Raises
    ------
    BackupError
        If it is not whole.
    """
    with open_archive(path) as archive:
        archive.verify()
        return archive.manifest


def restore_backup(
    path: Path, home: Path, *, database_url: str | None, lake_url: str | None, passphrase: str | None
) -> Restored:
    """Restore a backup, and verify the ledger afterwards.

    Parameters
    ----------
    database_url : an empty database; None: `guard.db` in the home folder.
    lake_url : an empty folder or prefix; None: `lake` in the home folder.
    passphrase : of the secrets; None: they are not restored.

    Raises
    ------
    BackupError
        If the backup is not whole or of a newer version, or a target is not empty.
    """
    home = home.resolve()
    storage = StorageSettings(home=home, database_url=database_url, lake_url=lake_url)
    settings = Settings.model_construct(storage=storage)
    with open_archive(path) as archive:
        archive.verify()
        _require_known(archive.manifest)
        key = None if passphrase is None else _key(archive, passphrase)
        _require_empty(home, database_url, lake_url)
        _write(archive, home, database_url, lake_url, key)
        _write_checkpoints(archive, checkpoint_file(settings))
        return _verify(archive.manifest, settings, has_key=key is not None)


def _write(archive: Archive, home: Path, database_url: str | None, lake_url: str | None, key: bytes | None) -> None:
    """Write everything below the home folder, and the database last; after a failure, the folder is as before."""
    is_new = not home.exists()
    partial = home / _PARTIAL
    partial.mkdir(parents=True)
    try:
        _write_files(archive, partial, home, key)
        restore_lake(archive, lake_url or str(partial / "lake"))
        _restore_database(archive, database_url or f"sqlite:///{partial / _DATABASE}")
    except BaseException:
        shutil.rmtree(home if is_new else partial)
        raise
    _move(partial, home)


def _require_known(manifest: Manifest) -> None:
    if not is_known(manifest.schema):
        raise BackupError(
            f"the backup is of ML Guard {manifest.version}, whose schema {manifest.schema} this version does not know:"
            " restore it with that version or a newer one"
        )


def _require_empty(home: Path, database_url: str | None, lake_url: str | None) -> None:
    if (home / _PARTIAL).exists():
        raise BackupError(
            f"{home / _PARTIAL} is left from a restoration that was interrupted: delete {home} and try again"
        )
    if home.exists() and any(home.iterdir()):
        raise BackupError(f"{home} is not empty; restore into a new folder")
    if lake_url is not None and not is_empty(lake_url):
        raise BackupError(f"the lake {lake_url} is not empty; restore into a new prefix")
    if database_url is not None:
        database = Database(database_url)
        try:
            _require_empty_database(database)
        finally:
            database.close()


def _require_empty_database(database: Database) -> None:
    with database.read() as connection:
        if has_rows(connection):
            raise BackupError("the database is not empty; create another one, and name it")


def _key(archive: Archive, passphrase: str) -> bytes | None:
    return decrypt(archive.read(AUDIT_KEY), passphrase, AUDIT_KEY) if archive.names(AUDIT_KEY) else None


def _write_files(archive: Archive, partial: Path, home: Path, key: bytes | None) -> None:
    for name in [name for folder in _FILES for name in archive.names(folder)] + archive.names(MLFLOW_DATABASE):
        target = partial / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
    old = archive.manifest.mlflow_artifacts
    if old is not None and (partial / MLFLOW_DATABASE).exists():
        move_artifacts(partial / MLFLOW_DATABASE, old, str(home / "mlflow"))
    if key is not None:
        file_of_key = partial / "audit.key"
        file_of_key.touch(0o600)
        file_of_key.write_bytes(key)


def _restore_database(archive: Archive, url: str) -> None:
    database = Database(url)
    try:
        migrate(database, archive.manifest.schema)
        with database.write() as connection:
            clear(connection)
            _load_tables(archive, connection)
            set_sequences(connection)
        migrate(database)
    finally:
        database.close()


def _load_tables(archive: Archive, connection: Connection) -> None:
    tables = tables_of(connection)
    unknown = archive.manifest.rows.keys() - {table.name for table in tables}
    if unknown:
        raise BackupError(f"the schema of the backup has no table {min(unknown)}; it was not written by ML Guard alone")
    for table in tables:
        with archive.open(f"database/{table.name}.parquet") as file:
            load(connection, table, file)
        count = connection.scalar(select(func.count()).select_from(table))
        expected = archive.manifest.rows[table.name]
        if count != expected:
            raise BackupError(f"table {table.name} has {count} rows instead of {expected}")


def _write_checkpoints(archive: Archive, path: Path) -> None:
    """Write the signed checkpoints, unless there is a file: that of the lost installation may have newer ones."""
    if archive.names(CHECKPOINTS) and not path.exists():
        path.touch(0o600)
        path.write_bytes(archive.read(CHECKPOINTS))


def _move(partial: Path, home: Path) -> None:
    for path in sorted(partial.iterdir(), key=lambda path: (path.name == _DATABASE, path.name)):
        path.rename(home / path.name)
    partial.rmdir()


def _verify(manifest: Manifest, settings: Settings, *, has_key: bool) -> Restored:
    database = Database(settings.storage.database)
    try:
        signer = load_signer(settings) if has_key else None
        verification = LedgerStore(database, signer).verify()
    finally:
        database.close()
    head = manifest.ledger
    if verification.ok and head is not None and (verification.last_seq, verification.head) != (head.seq, head.hash):
        raise BackupError(f"the ledger ends with row {verification.last_seq} instead of row {head.seq} of the backup")
    return Restored(manifest, verification, has_key, settings.storage.database)
