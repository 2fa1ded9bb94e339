"""`ml-guard prompts`: check the prompt templates, and lock their reviewed versions."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from guard_cli.terminal import FILE, Column, CommandError, example, json_option, print_answer, print_note, print_rows
from guard_core.settings import load_settings

if TYPE_CHECKING:  # help must not wait for the server's modules
    from serving.gateway.prompts.book import PromptBook

_CHANGED = 1

_folder_option = click.option("--folder", type=FILE, help="Folder of the templates; default: prompts/.")


@click.group()
def prompts() -> None:
    """Check the prompt templates."""


@prompts.command(epilog=example("ml-guard prompts check"))
@_folder_option
@json_option
def check(folder: Path | None, *, as_json: bool) -> int:
    """Render the templates' tests and compare their hashes with prompts.lock.

    The exit code is 1 if the content of a version has changed.
    """
    from serving.gateway.prompts.book import LOCK

    load_settings()
    folder, book = _load(folder)
    lock_file = folder / LOCK
    changes = book.changes(lock_file.read_text() if lock_file.exists() else "")
    for change in changes:
        print_note(change)
    if as_json or not changes:
        print_rows([Column("prompt"), Column("hash")], [[prompt.id, prompt.hash] for prompt in book], as_json=as_json)
    return _CHANGED if changes else 0


@prompts.command(epilog=example("ml-guard prompts lock"))
@_folder_option
def lock(folder: Path | None) -> None:
    """Write prompts.lock from the templates as they are now."""
    from serving.gateway.prompts.book import LOCK

    load_settings()
    folder, book = _load(folder)
    (folder / LOCK).write_text(book.lock_text())
    print_answer(f"wrote {folder / LOCK}")


def _load(folder: Path | None) -> "tuple[Path, PromptBook]":
    from serving.gateway.prompts.book import LOCK, PromptBook, default_folder
    from serving.gateway.prompts.template import PromptError

    folder = folder or default_folder()
    if not folder.is_dir():
        raise CommandError(f"{folder}: there is no such folder of prompts")
    try:
        book = PromptBook.load(folder)
    except PromptError as error:
        raise CommandError(str(error)) from None
    if (
        not list(book) and not (folder / LOCK).exists()
    ):  # with a lock file, all locked prompts were removed, which `changes` reports
        raise CommandError(f"{folder}: no prompts are there, *.yaml")
    return folder, book
