"""`ml-guard keys`: the first admin key comes from here; the key itself is printed once."""

from collections.abc import Iterator
from contextlib import contextmanager

from guard_cli.on_record import on_record
from guard_cli.terminal import CommandError, remark, say, say_table
from guard_core.days import from_microseconds
from guard_core.settings import Role, Settings
from guard_store.auth.store import ApiKey, KeyStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.projects.store import ProjectStore

_ALL = 1_000_000


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The migrated database, closed at the end."""
    database = Database(settings.storage.database)
    try:
        migrate(database)
        yield database
    finally:
        database.close()


def create(settings: Settings, name: str, role: Role, project_id: str | None) -> int:
    """Make a key and print it.

    Raises
    ------
    CommandError
        Where there is no such project.
    """
    with open_database(settings) as database:
        if project_id is not None and ProjectStore(database).get(project_id) is None:
            raise CommandError(f"there is no project {project_id!r}; `ml-guard projects list` shows them")
        key, secret = KeyStore(database).create(name, role, project_id)
        on_record(database, "keys create", project_id, made_key_id=key.id, role=role)
    remark(f"key {key.id} of role {key.role} for {project_id or 'all projects'}; it is shown this once:")
    say(secret)
    return 0


def show(settings: Settings) -> int:
    """List all keys."""
    with open_database(settings) as database:
        keys = KeyStore(database).page(limit=_ALL)
    say_table(["id", "name", "role", "project", "made", "revoked"], [_cells(key) for key in keys])
    return 0


def revoke(settings: Settings, key_id: str) -> int:
    """Revoke a key.

    Raises
    ------
    CommandError
        Where there is no such key.
    """
    with open_database(settings) as database:
        if not KeyStore(database).revoke(key_id):
            raise CommandError(f"there is no key {key_id!r}; `ml-guard keys list` shows the ids")
        on_record(database, "keys revoke", revoked_key_id=key_id)
    say(f"revoked {key_id}; running servers forget it within {settings.server.key_cache_s} s")
    return 0


def _cells(key: ApiKey) -> list[str]:
    made = from_microseconds(key.created_us).isoformat(timespec="seconds")
    revoked = "" if key.revoked_us is None else from_microseconds(key.revoked_us).isoformat(timespec="seconds")
    return [key.id, key.name, key.role, key.project_id or "all", made, revoked]
