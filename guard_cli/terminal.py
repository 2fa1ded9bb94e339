"""Talking to the person at the terminal: answers on stdout, remarks on stderr, one line where it fails."""

import sys
from collections.abc import Sequence


class CommandError(Exception):
    """A command cannot do what it should: one line that says why, and the fix."""


def say(text: str) -> None:
    """Print an answer."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def remark(text: str) -> None:
    """Print what is not the answer itself."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def say_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
