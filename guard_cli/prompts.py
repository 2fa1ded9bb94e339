"""`ml-guard prompts`: check the templates, and lock the versions that were reviewed."""

from pathlib import Path

from guard_cli.terminal import CommandError, remark, say, say_table
from serving.gateway.prompts.registry import LOCK, PromptBook
from serving.gateway.prompts.template import PromptError

_CHANGED = 1


def check(folder: Path) -> int:
    """Load all prompts, run their tests, and compare them with the lock file; exit code 1 where they differ.

    Raises
    ------
    CommandError
        Where a prompt is wrong.
    """
    book, lock = _load(folder), folder / LOCK
    changes = book.changes(lock.read_text() if lock.exists() else "")
    for change in changes:
        remark(change)
    if not changes:
        say_table(["prompt", "hash"], [[prompt.id, prompt.hash] for prompt in book])
    return _CHANGED if changes else 0


def lock(folder: Path) -> int:
    """Write the lock file; raises as `check`."""
    (folder / LOCK).write_text(_load(folder).locked())
    say(f"wrote {folder / LOCK}")
    return 0


def _load(folder: Path) -> PromptBook:
    if not folder.is_dir():
        raise CommandError(f"{folder}: there is no such folder of prompts")
    try:
        book = PromptBook.load(folder)
    except PromptError as error:
        raise CommandError(str(error)) from None
    if not list(book) and not (folder / LOCK).exists():  # else all of those that were locked are gone
        raise CommandError(f"{folder}: no prompts are there, *.yaml")
    return book
