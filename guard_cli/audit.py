"""`ml-guard audit`: the proof of the ledger, on the database, on a copy of it, or on an export; no server is needed."""

import base64
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from guard_cli.terminal import CommandError, say
from guard_core.settings import Settings
from guard_store.db.database import Database
from guard_store.db.migrate import is_current
from guard_store.ledger.checkpoints import Checkpoint, load_signer
from guard_store.ledger.entry import COLUMNS, LedgerRow
from guard_store.ledger.store import LedgerStore
from guard_store.ledger.verify import Verification, verify_rows

_BROKEN = 1
_NULLABLE = frozenset(
    field.name for field in msgspec.structs.fields(LedgerRow) if isinstance(None, get_args(field.type) or field.type)
)


def show_key(settings: Settings) -> int:
    """Print the public key that signs checkpoints here."""
    say(load_signer(settings).public_key)
    return 0


def verify_database(settings: Settings, url: str | None, public_keys: Sequence[str]) -> int:
    """Verify the ledger of a database: that of the settings, or another one.

    Raises
    ------
    CommandError
        Where it is not a database of this version, or a key is none.
    """
    _check_keys(public_keys)
    signer = load_signer(settings) if url is None else None
    database = Database(settings.storage.database if url is None else _known_url(url))
    try:
        if not is_current(database):
            raise CommandError("the database has not the newest schema; `ml-guard migrate` brings it there")
        return _tell(LedgerStore(database, signer).verify(trusted=public_keys), trusted=bool(signer or public_keys))
    finally:
        database.close()


def _known_url(url: str) -> str:
    """The URL of another database, which a look at it must not make."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        if not path.is_file():
            raise CommandError(f"--database {url}: there is no file {path}")
    elif not url.startswith("postgresql"):
        raise CommandError("--database: must start with sqlite:/// or postgresql://")
    return url


def verify_export(path: Path, checkpoints: Path | None, public_keys: Sequence[str]) -> int:
    """Verify an export: the CSV of `/api/v1/audit/export`, the JSON of `/api/v1/audit/checkpoints`.

    Raises
    ------
    CommandError
        Where a file is not what it should be.
    """
    _check_keys(public_keys)
    known = [] if checkpoints is None else _checkpoints(checkpoints)
    try:
        with path.open(newline="") as file:
            return _tell(verify_rows(_rows(file, path), known, public_keys or None), trusted=bool(public_keys))
    except (OSError, ValueError, TypeError) as error:
        raise CommandError(f"--export {path}: cannot be read: {error}") from None


def _check_keys(public_keys: Sequence[str]) -> None:
    for key in public_keys:
        try:
            Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        except ValueError:
            raise CommandError(f"--public-key {key!r}: is no public key; `ml-guard audit key` prints one") from None


def _checkpoints(path: Path) -> list[Checkpoint]:
    try:
        return [Checkpoint(**one) for one in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError) as error:
        raise CommandError(f"--checkpoints {path}: cannot be read: {error}") from None


def _rows(lines: Iterator[str], path: Path) -> Iterator[LedgerRow]:
    """Read the rows of an export; their types are those of the fields, and an export without versions is of the first."""
    reader = csv.reader(lines)
    columns = next(reader, [])
    if not set(COLUMNS) - {"hash_version"} <= set(columns) <= set(COLUMNS):
        raise CommandError(f"{path}: the first line does not name the ledger's columns")
    for texts in reader:
        values: dict[str, str | None] = {"hash_version": "1"}
        for name, text in zip(columns, texts, strict=True):
            values[name] = None if not text and name in _NULLABLE else text
        yield msgspec.convert([values[name] for name in LedgerRow.__struct_fields__], LedgerRow, strict=False)


def _tell(found: Verification, *, trusted: bool) -> int:
    if not found.ok:
        say(f"broken at row {found.broken_seq}: {found.problem}")
        return _BROKEN
    span = "no rows" if found.last_seq is None else f"rows {found.first_seq} to {found.last_seq}"
    whose = "" if trusted else " (by whatever keys they name: --public-key says which one to trust)"
    say(f"the chain is whole: {span}, {found.checkpoints} signed checkpoints{whose}; head {found.head}")
    return 0
