"""Migrate the database to the newest schema, under a lock, so that many processes may start at once.

Only Alembic creates or changes tables; nothing calls `create_all`.
"""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from guard_store.db.database import Database

_LOCK_KEY = 0x6D6C5F6775617264  # "ml_guard" in ASCII
_FOLDER = Path(__file__).parent / "migrations"


def migrate(database: Database, revision: str = "head") -> None:
    """Upgrade (or downgrade, to an older revision) in one transaction that excludes every other migration."""
    # On SQLite the writing transaction itself is the lock: it begins IMMEDIATE.
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        if revision == "head" and _has_newest(connection):
            return
        config = _config(connection)
        if _is_older(connection, revision):
            command.downgrade(config, revision)
        else:
            command.upgrade(config, revision)


def is_current(database: Database) -> bool:
    """Return whether the database has the schema that this code expects."""
    with database.read() as connection:
        return _has_newest(connection)


def current_revision(database: Database) -> str | None:
    """Return the revision of the schema; None before the first migration."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_known(revision: str) -> bool:
    """Return whether this code has a revision of the schema."""
    return any(script.revision == revision for script in _scripts().walk_revisions())


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


def _has_newest(connection: Connection) -> bool:
    return MigrationContext.configure(connection).get_current_heads() == tuple(_scripts().get_heads())


@cache
def _scripts() -> ScriptDirectory:
    """Return the migrations; Alembic imports all of them each time that it opens the folder."""
    return ScriptDirectory(str(_FOLDER))


def _is_older(connection: Connection, revision: str) -> bool:
    if revision in {"head", "heads"}:
        return False
    if revision == "base":
        return True
    current = MigrationContext.configure(connection).get_current_revision()
    ancestors = {script.revision for script in _scripts().iterate_revisions(current, "base")} if current else set()
    return revision in ancestors
