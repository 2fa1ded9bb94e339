"""`ml-guard projects`: make and list projects without a server."""

import re

from guard_cli.keys import open_database
from guard_cli.on_record import on_record
from guard_cli.terminal import CommandError, say, say_table
from guard_core.ids import ID_PATTERN
from guard_core.settings import Settings
from guard_store.projects.store import ProjectExistsError, ProjectStore, new_project_id


def create(settings: Settings, name: str, project_id: str | None, timezone: str) -> int:
    """Make a project and print its id.

    Raises
    ------
    CommandError
        Where the id is taken or malformed, or the time zone unknown.
    """
    if project_id is not None and not re.fullmatch(ID_PATTERN, project_id):
        raise CommandError(f"--id {project_id!r}: letters, digits, '.', '_' and '-' only, at most 128")
    with open_database(settings) as database:
        try:
            project = ProjectStore(database).create(project_id or new_project_id(), name, timezone)
        except (ProjectExistsError, ValueError) as error:
            raise CommandError(str(error)) from None
        on_record(database, "projects create", project.id)
    say(project.id)
    return 0


def show(settings: Settings) -> int:
    """List all projects."""
    with open_database(settings) as database:
        projects = ProjectStore(database).page()
    say_table(["id", "name", "time zone"], [[project.id, project.name, project.timezone] for project in projects])
    return 0
