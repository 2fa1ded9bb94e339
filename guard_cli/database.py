"""`ml-guard migrate`, and opening the database for other commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from guard_cli.terminal import CommandError, example, print_answer
from guard_core.settings import Settings, load_settings

if TYPE_CHECKING:  # help must not wait for SQLAlchemy
    from guard_store.db.database import Database


@contextmanager
def open_database(settings: Settings) -> "Iterator[Database]":
    """Open and migrate the database of the settings, and close it on exit."""
    from guard_store.db.database import Database
    from guard_store.db.migrate import migrate

    database = Database(settings.storage.database)
    try:
        migrate(database)
        yield database
    finally:
        database.close()


def require_project(database: "Database", project_id: str | None) -> None:
    """Check that a project exists; None stands for all projects.

    Raises
    ------
    CommandError
        If there is no such project.
    """
    from guard_store.projects.store import ProjectStore

    if project_id is not None and ProjectStore(database).get(project_id) is None:
        raise CommandError(f"there is no project {project_id!r}; `ml-guard projects list` shows them")


@click.command(epilog=example("ml-guard migrate"))
def migrate() -> None:
    """Bring the database to the newest schema."""
    with open_database(load_settings()):
        print_answer("the database has the newest schema")
