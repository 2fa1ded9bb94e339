"""`ml-guard keys`: create, list and revoke API keys; no server is needed, which allows for the first admin key."""

from pathlib import Path

import click

from guard_cli.database import open_database, require_project
from guard_cli.ledger_entry import write_ledger_entry
from guard_cli.terminal import FILE, Column, CommandError, example, json_option, print_answer, print_note, print_rows
from guard_core.days import from_microseconds
from guard_core.settings import ROLES, Role, load_settings

_ALL = 1_000_000
_COLUMNS = [
    Column("id"),
    Column("name"),
    Column("role"),
    Column("project", lambda project_id: project_id or "all"),
    Column("made"),
    Column("revoked"),
]


@click.group()
def keys() -> None:
    """Create, list and revoke API keys."""


@keys.command(epilog=example("ml-guard keys create first --role admin"))
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="analyst", show_default=True, help="What the key permits.")
@click.option("--project", "project_id", metavar="ID", help="The only project that the key opens; default: all.")
def create(name: str, role: Role, project_id: str | None) -> None:
    """Create a key for the purpose NAME and print it, this once."""
    from guard_store.auth.store import KeyStore

    with open_database(load_settings()) as database:
        require_project(database, project_id)
        key, secret = KeyStore(database).create(name, role, project_id)
        write_ledger_entry(database, "keys create", project_id, made_key_id=key.id, role=role)
    print_note(f"key {key.id} of role {key.role} for {project_id or 'all projects'}; it is shown this once:")
    print_answer(secret)


@keys.command(epilog=example("ml-guard keys bootstrap /secrets/api-key"))
@click.argument("file", type=FILE)
def bootstrap(file: Path) -> None:
    """Create the first admin key and write it to FILE; where there is an admin key, do nothing.

    A key that FILE already holds is used, for instance after the database was replaced.
    """
    from guard_store.auth.store import KeyStore, new_secret

    with open_database(load_settings()) as database:
        store = KeyStore(database)
        if store.has_admin():
            print_note(f"there is an admin key already; {file} stays as it is")
            return
        secret = _read_secret(file)
        if secret is None or store.find(secret) is not None:  # a known one is revoked, or not an admin's
            secret = new_secret()
            _write_secret(file, secret)
        key, _ = store.create("first", "admin", secret=secret)
        write_ledger_entry(database, "keys bootstrap", made_key_id=key.id, role=key.role)
    print_note(f"key {key.id} of role {key.role} for all projects is in {file}")


@keys.command("list", epilog=example("ml-guard keys list --json"))
@json_option
def list_keys(*, as_json: bool) -> None:
    """List all keys, without their secrets."""
    from guard_store.auth.store import KeyStore

    with open_database(load_settings()) as database:
        page = KeyStore(database).page(limit=_ALL)
    rows = [[key.id, key.name, key.role, key.project_id, _time(key.created_us), _time(key.revoked_us)] for key in page]
    print_rows(_COLUMNS, rows, as_json=as_json)


@keys.command(epilog=example("ml-guard keys revoke 3f9c2a7be1d04c55"))
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Revoke the key with this ID."""
    from guard_store.auth.store import KeyStore

    settings = load_settings()
    with open_database(settings) as database:
        if not KeyStore(database).revoke(key_id):
            raise CommandError(f"there is no key {key_id!r}; `ml-guard keys list` shows the ids")
        write_ledger_entry(database, "keys revoke", revoked_key_id=key_id)
    print_answer(f"revoked {key_id}; running servers forget it within {settings.server.key_cache_s} s")


def _read_secret(file: Path) -> str | None:
    if not file.exists():
        return None
    secret = file.read_text(encoding="utf-8").strip()
    if not secret:
        raise CommandError(f"{file} is empty: write a key into it, or delete it")
    return secret


def _write_secret(file: Path, secret: str) -> None:
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    new.touch(0o600, exist_ok=False)
    new.write_text(f"{secret}\n", encoding="utf-8")
    new.replace(file)


def _time(time_us: int | None) -> str | None:
    return None if time_us is None else from_microseconds(time_us).isoformat(timespec="seconds")
