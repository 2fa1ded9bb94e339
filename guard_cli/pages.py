"""`ml-guard open`: a one-time link that signs the operator in to the pages."""

import getpass
import webbrowser
from typing import TYPE_CHECKING

import click

from guard_cli.database import open_database
from guard_cli.ledger_entry import write_ledger_entry
from guard_cli.terminal import example, print_answer
from guard_core.settings import ROLES, Role, Settings, load_settings

if TYPE_CHECKING:  # help must not wait for SQLAlchemy
    from guard_store.db.database import Database


@click.command("open", epilog=example("ml-guard open", "ml-guard open --role analyst --no-browser"))
@click.option("--role", type=click.Choice(ROLES), default="admin", show_default=True, help="What the session permits.")
@click.option("--browser/--no-browser", default=True, help="Open the link in a browser of this machine, if it has one.")
def open_pages(role: Role, *, browser: bool) -> None:
    """Print a link that signs you in to the pages; it works once, within 15 minutes."""
    settings = load_settings()
    with open_database(settings) as database:
        link = make_link(settings, database, role)
    print_answer(link)
    if browser:
        webbrowser.open(link)


def make_link(settings: Settings, database: "Database", role: Role = "admin") -> str:
    """Return the address that opens one session for the person at this terminal, and record it in the ledger."""
    from guard_store.auth.sessions import SessionStore, SignedIn

    person = f"operator:{getpass.getuser()}"
    token = SessionStore(database).make_link(SignedIn(person, role, None))
    write_ledger_entry(database, "open", link_for=person, role=role)
    return f"{settings.server.public_address}/sign-in/link?token={token}"
