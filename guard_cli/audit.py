"""`ml-guard audit`: verify the ledger in the database, in a copy of it, or in an export; no server is needed."""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guard_cli.terminal import FILE, CommandError, example, json_option, print_answer, print_json, print_note
from guard_core.settings import Settings, load_settings
from guard_core.units import SECOND_US

if TYPE_CHECKING:  # help must not wait for SQLAlchemy
    from guard_store.ledger.checkpoints import Checkpoint
    from guard_store.ledger.store import LedgerStore
    from guard_store.ledger.verify import Verification

_BROKEN = 1
_STALE_CHECKPOINTS = 2  # one may be late, because a machine is busy


@click.group()
def audit() -> None:
    """Verify that the audit ledger is complete and unchanged."""


@audit.command(
    epilog=example(
        "ml-guard audit verify",
        'ml-guard audit verify --database sqlite:///copy.db --public-key "$(ml-guard audit key)"',
        "ml-guard audit verify --export ledger.csv --checkpoints checkpoints.json --json",
    )
)
@click.option("--database", "url", metavar="URL", help="Another database than that of the settings, such as a copy.")
@click.option("--export", type=FILE, metavar="FILE", help="The CSV of /api/v1/audit/export instead.")
@click.option("--checkpoints", type=FILE, metavar="FILE", help="The JSON of /api/v1/audit/checkpoints.")
@click.option("--public-key", "public_keys", multiple=True, metavar="KEY", help="Trust the checkpoints of this key.")
@json_option
def verify(
    url: str | None, export: Path | None, checkpoints: Path | None, public_keys: tuple[str, ...], *, as_json: bool
) -> int:
    """Walk the chain of the ledger and check its hashes and signatures.

    The exit code is 1 if the chain is broken.
    """
    settings = load_settings()
    if export is not None:
        return verify_export(export, checkpoints, public_keys, as_json=as_json)
    return _verify_database(settings, url, public_keys, as_json=as_json)


@audit.command(epilog=example("ml-guard audit key"))
def key() -> None:
    """Print the public key that signs checkpoints here."""
    from guard_store.ledger.checkpoints import load_signer

    print_answer(load_signer(load_settings()).public_key)


def _verify_database(settings: Settings, url: str | None, public_keys: Sequence[str], *, as_json: bool) -> int:
    from guard_store.db.database import Database
    from guard_store.db.migrate import is_current
    from guard_store.ledger.checkpoints import load_signer
    from guard_store.ledger.store import LedgerStore

    _check_keys(public_keys)
    signer = load_signer(settings) if url is None else None
    database = Database(settings.storage.database if url is None else _existing_url(url))
    try:
        if not is_current(database):
            raise CommandError("the database has not the newest schema; `ml-guard migrate` brings it there")
        store = LedgerStore(database, signer)
        verification = store.verify(trusted=public_keys)
        for warning in _warnings(settings, store, is_ours=url is None):
            print_note(f"warning: {warning}")
        return _print_result(verification, trusted=bool(signer or public_keys), as_json=as_json)
    finally:
        database.close()


def _warnings(settings: Settings, store: "LedgerStore", *, is_ours: bool) -> Iterator[str]:
    """Yield what is wrong with the newest checkpoint; for the ledger of the settings, also in the checkpoint file."""
    from guard_core.days import now_us
    from guard_store.ledger.checkpoint_file import checkpoint_file, newest_written

    unsigned, newest = store.unsigned(), store.newest_checkpoint()
    if newest is None and unsigned.rows:
        yield "no checkpoint is signed yet: only the chain protects the rows; a running server signs one"
    elif unsigned.since_us is not None:
        age_s = (now_us() - unsigned.since_us) // SECOND_US
        if (
            age_s > _STALE_CHECKPOINTS * settings.audit.checkpoint_s
            or unsigned.rows > 2 * settings.audit.checkpoint_rows
        ):
            yield f"the newest checkpoint is stale: {unsigned.rows} rows since are not signed, the oldest for {age_s} s"
    if not is_ours:
        return
    path = checkpoint_file(settings)
    written = newest_written(path)
    signed_seq, written_seq = (0 if one is None else one.seq for one in (newest, written))
    if written_seq < signed_seq:
        yield f"{path} lacks the newest checkpoint, of row {signed_seq}: it ends with row {written_seq}"
    elif written_seq > signed_seq:
        yield f"{path} has a checkpoint of row {written_seq}, which the database lacks: rows may have been removed"
    elif written != newest:
        yield f"{path} has another checkpoint of row {signed_seq} than the database: one of the two was rewritten"


def _existing_url(url: str) -> str:
    """Check that the URL can point to an existing database, because SQLite would create a missing file."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        if not path.is_file():
            raise CommandError(f"--database {url}: there is no file {path}")
    elif not url.startswith("postgresql"):
        raise CommandError("--database: must start with sqlite:/// or postgresql://")
    return url


def verify_export(path: Path, checkpoints: Path | None, public_keys: Sequence[str], *, as_json: bool = False) -> int:
    """Verify an export: the CSV of `/api/v1/audit/export` and the JSON of `/api/v1/audit/checkpoints`.

    Raises
    ------
    CommandError
        If a file cannot be read or is in another format.
    """
    from guard_store.ledger.export import read_csv
    from guard_store.ledger.verify import verify_rows

    _check_keys(public_keys)
    signed = [] if checkpoints is None else _checkpoints(checkpoints)
    try:
        with path.open(newline="") as file:
            verification = verify_rows(read_csv(file), signed, public_keys or None)
    except (OSError, ValueError, TypeError) as error:
        raise CommandError(f"--export {path}: cannot be read: {error}") from None
    return _print_result(verification, trusted=bool(public_keys), as_json=as_json)


def _check_keys(public_keys: Sequence[str]) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    for key in public_keys:
        try:
            Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        except ValueError:
            raise CommandError(f"--public-key {key!r}: is no public key; `ml-guard audit key` prints one") from None


def _checkpoints(path: Path) -> "list[Checkpoint]":
    from guard_store.ledger.checkpoints import Checkpoint

    try:
        content = json.loads(path.read_text())
        items = content if isinstance(content, list) else content["items"]  # a list: saved before lists had one shape
        return [Checkpoint(**fields) for fields in items]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CommandError(f"--checkpoints {path}: cannot be read: {error}") from None


def _print_result(verification: "Verification", *, trusted: bool, as_json: bool) -> int:
    """Print the result and return the exit code; `trusted` is whether a trusted key signed the checkpoints."""
    if as_json:
        print_json({"ok": verification.ok, **asdict(verification), "trusted": trusted})
    elif verification.ok:
        rows = (
            "no rows" if verification.last_seq is None else f"rows {verification.first_seq} to {verification.last_seq}"
        )
        note = "" if trusted else " (by whatever keys they name: --public-key says which one to trust)"
        print_answer(
            f"the chain is whole: {rows}, {verification.checkpoints} signed checkpoints{note}; head {verification.head}"
        )
    else:
        print_answer(f"broken at row {verification.broken_seq}: {verification.problem}")
    return 0 if verification.ok else _BROKEN
