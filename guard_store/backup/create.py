"""Writes a backup of everything that an installation keeps, while it runs.

The order makes it consistent. Predictions that wait for the database come first: they are in the journal or, later, in the
database, and what is in both is stored once when it is replayed. The database is next, in one snapshot; then MLflow's, then
its files; the lake is last, because a day that is newer there than in the database is simply written again.
"""

import os
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from guard_core.days import now_us
from guard_core.settings import Settings
from guard_store.backup.archive import ArchiveWriter, BackupError
from guard_store.backup.encryption import encrypt
from guard_store.backup.lake_files import add_lake
from guard_store.backup.manifest import FORMAT, LedgerHead, Manifest
from guard_store.backup.mlflow_store import copy_sqlite
from guard_store.backup.rows import dump, tables_of
from guard_store.db.database import Database
from guard_store.db.migrate import current_revision
from guard_store.ledger.checkpoint_file import checkpoint_file
from guard_store.ledger.checkpoints import Checkpoint
from guard_store.ledger.tables import ledger, ledger_checkpoints

AUDIT_KEY: Final = "secrets/audit.key"
CHECKPOINTS: Final = "checkpoints.jsonl"
MLFLOW_DATABASE: Final = "mlflow.db"
_ALWAYS_LEFT_OUT: Final = (
    "settings and their secrets (the environment, .env): keep them yourself",
    "Dagster's history of runs: `ml-guard dagster resync` writes it again",
    "the index of the knowledge base: it is made again from the documents",
)


def create_backup(settings: Settings, path: Path, passphrase: str | None) -> Manifest:
    """Write a backup to a new file, which appears when it is whole.

    Parameters
    ----------
    passphrase : encrypts the key that signs checkpoints; None: the key is left out.

    Raises
    ------
    BackupError
        If there is nothing to back up, or the file exists.
    """
    database = _open(settings)
    try:
        revision = current_revision(database)
        if revision is None:
            raise BackupError("the database has no tables of ML Guard; check ML_GUARD_HOME and ML_GUARD_DATABASE_URL")
        with ArchiveWriter(path) as archive, tempfile.TemporaryDirectory(dir=path.parent, prefix=".backup-") as scratch:
            instant_us = now_us()
            _add_journal(archive, settings.storage.journal)
            rows, head, checkpoint = _add_database(archive, database, Path(scratch))
            _add_checkpoints(archive, checkpoint_file(settings), 0 if checkpoint is None else checkpoint.seq)
            left_out = [*_ALWAYS_LEFT_OUT, *_add_secrets(archive, settings, passphrase)]
            left_out += _add_mlflow(archive, settings, Path(scratch))
            add_lake(archive, settings.storage.lake)
            manifest = Manifest(
                format=FORMAT,
                version=version("ml-guard"),
                schema=revision,
                engine="sqlite" if database.is_sqlite else "postgresql",
                instant_us=instant_us,
                files=archive.files,
                rows=rows,
                ledger=head,
                checkpoint=checkpoint,
                mlflow_artifacts=settings.storage.mlflow_artifacts,
                left_out=left_out,
            )
            archive.finish(manifest)
            return manifest
    finally:
        database.close()


def _open(settings: Settings) -> Database:
    url = settings.storage.database
    if url.startswith("sqlite") and not Path(url.partition(":///")[2]).is_file():
        raise BackupError(f"there is no database {url.partition(':///')[2]}; check ML_GUARD_HOME")
    return Database(url)


def _add_journal(archive: ArchiveWriter, folder: Path) -> None:
    """Add the segments without their marks: all of them are replayed, and what the database has is not stored again."""
    for segment in sorted(folder.glob("*.journal")):
        try:
            data = segment.read_bytes()
        except FileNotFoundError:  # stored meanwhile, so the database has it
            continue
        if data:
            archive.add_bytes(f"journal/{segment.name}", data)


def _add_database(
    archive: ArchiveWriter, database: Database, scratch: Path
) -> tuple[dict[str, int], LedgerHead | None, Checkpoint | None]:
    rows: dict[str, int] = {}
    with database.read() as connection:
        for table in tables_of(connection):
            file = scratch / "rows.parquet"
            rows[table.name] = dump(connection, table, file)
            archive.add_path(f"database/{table.name}.parquet", file)
            file.unlink()
        return rows, *_ends_of_ledger(connection)


def _ends_of_ledger(connection: Connection) -> tuple[LedgerHead | None, Checkpoint | None]:
    c = ledger.c
    head = connection.execute(select(c.seq, c.hash).order_by(c.seq.desc()).limit(1)).first()
    newest = select(ledger_checkpoints).order_by(ledger_checkpoints.c.seq.desc()).limit(1)
    signed = connection.execute(newest).first()
    return (
        None if head is None else LedgerHead(head.seq, head.hash),
        None if signed is None else Checkpoint(**signed._mapping),
    )


def _add_checkpoints(archive: ArchiveWriter, path: Path, newest_seq: int) -> None:
    """Add the signed checkpoints of the rows in the backup; later ones would seem to be of rows that were removed."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return
    included = []
    for line in lines:
        try:
            checkpoint = msgspec.json.decode(line, type=Checkpoint)
        except msgspec.DecodeError:  # of a machine that lost power while it was written
            continue
        if checkpoint.seq <= newest_seq:
            included.append(line)
    archive.add_bytes(CHECKPOINTS, b"".join(included))


def _add_secrets(archive: ArchiveWriter, settings: Settings, passphrase: str | None) -> list[str]:
    """Add the signing key; return what is left out instead."""
    path = settings.storage.home / "audit.key"
    if settings.audit.key is not None:
        return ["the signing key of ML_GUARD_AUDIT_KEY: keep it with the other settings"]
    if not path.exists():
        return []
    if passphrase is None:
        return [f"the signing key {path}: without it, `audit verify` needs --public-key"]
    archive.add_bytes(AUDIT_KEY, encrypt(path.read_bytes(), passphrase, AUDIT_KEY))
    return []


def _add_mlflow(archive: ArchiveWriter, settings: Settings, scratch: Path) -> list[str]:
    """Add MLflow's database, then the files that it names; return what is left out instead."""
    storage = settings.storage
    if storage.mlflow_artifacts is None:
        return [
            "MLflow's runs, models and files: they are at its server; back it up at the same time with its own tools"
        ]
    source = Path(storage.mlflow.removeprefix("sqlite:///"))
    if source.is_file():
        copy = scratch / MLFLOW_DATABASE
        copy_sqlite(source, copy)
        archive.add_path(MLFLOW_DATABASE, copy)
    root = Path(storage.mlflow_artifacts)
    for folder, _, names in os.walk(root):
        for path in (Path(folder) / name for name in sorted(names)):
            if path.is_file():
                archive.add_path(f"mlflow/{path.relative_to(root).as_posix()}", path)
    return []
