"""`ml-guard backup` and `ml-guard restore`: everything that an installation keeps, as one file; no server is needed."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guard_cli.ledger_entry import write_ledger_entry
from guard_cli.terminal import FILE, CommandError, example, print_answer, print_note
from guard_core.days import from_microseconds
from guard_core.formats import count, size
from guard_core.settings import Settings, load_settings

if TYPE_CHECKING:  # help must not wait for SQLAlchemy
    from guard_store.backup.manifest import Manifest
    from guard_store.backup.restore import Restored

_BROKEN = 1

_passphrase_option = click.option(
    "--passphrase-file", type=FILE, metavar="FILE", help="Read the passphrase from this file, not from the settings."
)


@click.command(
    epilog=example("ml-guard backup /backups", "ml-guard backup guard.tar --passphrase-file /secrets/backup")
)
@click.argument("target", type=FILE, metavar="FILE_OR_FOLDER")
@_passphrase_option
@click.option("--without-secrets", is_flag=True, help="Leave out the key that signs checkpoints of the ledger.")
def backup(target: Path, passphrase_file: Path | None, *, without_secrets: bool) -> None:
    """Write a backup of everything to one file, while everything runs.

    In a folder, the file has a name with its instant. The file has database, lake, models, predictions that wait for the database and signed
    checkpoints; it appears when it is whole.
    """
    from guard_store.backup.archive import BackupError
    from guard_store.backup.create import create_backup

    settings = load_settings()
    path = target / f"ml-guard-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar" if target.is_dir() else target
    needs_key = not without_secrets and settings.audit.key is None and (settings.storage.home / "audit.key").exists()
    passphrase = _passphrase(settings, passphrase_file, is_new=True) if needs_key else None
    try:
        manifest = create_backup(settings, path.resolve(), passphrase)
    except BackupError as error:
        raise CommandError(str(error)) from None
    _record(settings.storage.database, "backup", file=path.name)
    print_answer(f"{path}: {_describe(manifest)}, {size(path.stat().st_size)}")
    for item in manifest.left_out:
        print_note(f"not contained: {item}")


@click.command(
    epilog=example(
        "ml-guard restore /backups/guard.tar --to .guard",
        "ml-guard restore guard.tar --to /data --database-url postgresql://guard:…@db.internal/guard",
        "ml-guard restore guard.tar --check",
    )
)
@click.argument("file", type=FILE)
@click.option(
    "--to", "home", type=FILE, metavar="HOME", help="An empty or missing folder, the home of the restored data."
)
@click.option("--database-url", metavar="URL", help="An empty database instead of guard.db in HOME.")
@click.option("--lake-url", metavar="URL", help="An empty folder or s3://bucket/prefix instead of lake in HOME.")
@_passphrase_option
@click.option("--without-secrets", is_flag=True, help="Do not restore the key that signs checkpoints.")
@click.option("--check", is_flag=True, help="Only compare all files with their hashes.")
def restore(
    file: Path,
    home: Path | None,
    database_url: str | None,
    lake_url: str | None,
    passphrase_file: Path | None,
    *,
    without_secrets: bool,
    check: bool,
) -> int:
    """Restore a backup into an empty folder, or into PostgreSQL.

    The ledger is verified there. All files are compared with their hashes before anything is written. The exit code is 1 if the ledger's chain is broken.
    """
    from guard_store.backup.archive import BackupError
    from guard_store.backup.create import AUDIT_KEY
    from guard_store.backup.restore import check_backup, restore_backup

    try:
        manifest = check_backup(file)
        if check:
            print_answer(f"{file} is whole: {_describe(manifest)}")
            return 0
        has_key = not without_secrets and any(entry.name == AUDIT_KEY for entry in manifest.files)
        passphrase = _passphrase(load_settings(), passphrase_file, is_new=False) if has_key else None
        restored = restore_backup(
            file, _required(home), database_url=_checked(database_url), lake_url=lake_url, passphrase=passphrase
        )
    except BackupError as error:
        raise CommandError(str(error)) from None
    _record(restored.database_url, "restore", file=file.name)
    return _print_restored(restored, _required(home))


def _record(database_url: str, command: str, **details: str) -> None:
    """Write a ledger entry, unless the database is of another schema, which a backup before an upgrade must not change."""
    from guard_store.db.database import Database
    from guard_store.db.migrate import is_current

    database = Database(database_url)
    try:
        if is_current(database):
            write_ledger_entry(database, command, **details)
    finally:
        database.close()


def _print_restored(restored: "Restored", home: Path) -> int:
    print_answer(f"{home}: {_describe(restored.manifest)}")
    for item in restored.manifest.left_out:
        print_note(f"not contained: {item}")
    verification = restored.verification
    if not verification.ok:
        print_answer(f"the ledger is broken at row {verification.broken_seq}: {verification.problem}")
        return _BROKEN
    note = "" if restored.trusted else " (by whatever keys they name)"
    print_answer(f"the ledger is whole: {verification.rows} rows, {verification.checkpoints} signed checkpoints{note}")
    return 0


def _describe(manifest: "Manifest") -> str:
    rows = manifest.rows
    parts = [
        count(rows.get("projects", 0), "project"),
        count(rows.get("events", 0), "event"),
        count(rows.get("labels", 0), "label"),
        "no rows of the ledger" if manifest.ledger is None else f"the ledger up to row {manifest.ledger.seq}",
    ]
    instant = from_microseconds(manifest.instant_us).isoformat(timespec="seconds")
    return f"{', '.join(parts)}, of {instant}"


def _required(home: Path | None) -> Path:
    if home is None:
        raise CommandError("--to: name the folder to restore into")
    return home


def _checked(url: str | None) -> str | None:
    if url is not None and not url.startswith(("postgresql://", "sqlite:///")):
        raise CommandError("--database-url: must start with postgresql:// or sqlite:///")
    return url


def _passphrase(settings: Settings, file: Path | None, *, is_new: bool) -> str:
    """Return the passphrase of the file, of the settings, or of the person at the terminal."""
    if file is not None:
        text = file.read_text(encoding="utf-8").strip()
    elif settings.storage.backup_passphrase is not None:
        text = settings.storage.backup_passphrase.get_secret_value()
    elif sys.stdin.isatty():
        text = click.prompt("Passphrase", hide_input=True, confirmation_prompt=is_new, err=True)
    else:
        raise CommandError(
            "the signing key needs a passphrase: set ML_GUARD_BACKUP_PASSPHRASE, name a file with --passphrase-file, or"
            " leave the key out with --without-secrets"
        )
    if not text:
        raise CommandError("the passphrase is empty")
    return text
