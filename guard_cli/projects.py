"""`ml-guard projects`: create and list projects; no server is needed."""

import re

import click

from guard_cli.database import open_database
from guard_cli.ledger_entry import write_ledger_entry
from guard_cli.terminal import Column, CommandError, example, json_option, print_answer, print_rows
from guard_core.ids import ID_PATTERN
from guard_core.settings import load_settings

_COLUMNS = [Column("id"), Column("name"), Column("time zone")]


@click.group()
def projects() -> None:
    """Create and list projects."""


@projects.command(epilog=example("ml-guard projects create 'Flight delays' --id flights --timezone America/New_York"))
@click.argument("name")
@click.option("--id", "project_id", help="Id of the project; default: a new one.")
@click.option("--timezone", default="UTC", show_default=True, help="IANA name of the time zone.")
def create(name: str, project_id: str | None, timezone: str) -> None:
    """Create a project and print its id."""
    from guard_store.projects.store import ProjectExistsError, ProjectStore, new_project_id

    settings = load_settings()
    if project_id is not None and not re.fullmatch(ID_PATTERN, project_id):
        raise CommandError(f"--id {project_id!r}: letters, digits, '.', '_' and '-' only, at most 128")
    with open_database(settings) as database:
        try:
            project = ProjectStore(database).create(project_id or new_project_id(), name, timezone)
        except (ProjectExistsError, ValueError) as error:
            raise CommandError(str(error)) from None
        write_ledger_entry(database, "projects create", project.id)
    print_answer(project.id)


@projects.command("list", epilog=example("ml-guard projects list --json"))
@json_option
def list_projects(*, as_json: bool) -> None:
    """List all projects."""
    from guard_store.projects.store import ProjectStore

    with open_database(load_settings()) as database:
        page = ProjectStore(database).page()
    rows = [[project.id, project.name, project.timezone] for project in page]
    print_rows(_COLUMNS, rows, as_json=as_json)
