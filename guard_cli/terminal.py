"""Output of commands, and the options that several of them share.

Answers go to stdout as text, a table or JSON; notes go to stderr.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

FILE = click.Path(path_type=Path)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


class CommandError(Exception):
    """A command cannot run; the message is one line with the reason and the fix."""


def _text(value: object) -> str:
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, which is also a field of the rows as JSON.

    Attributes
    ----------
    title : heading of the column; with underscores in place of spaces, the name of the JSON field.
    text : converts a value to the text of a cell; JSON has the value itself.
    """

    title: str
    text: Callable[[Any], str] = _text


def example(*commands: str) -> str:
    r"""Return the epilog of a command's help, with examples of calls.

    >>> example("ml-guard keys list")
    '\x08\nExample:\n  ml-guard keys list'
    """
    return "\n".join(["\b", "Example:", *(f"  {command}" for command in commands)])  # \b: click keeps these lines


def print_answer(text: str) -> None:
    """Print an answer on stdout."""
    click.echo(text)


def print_note(text: str) -> None:
    """Print a line on stderr that is not part of the answer."""
    click.echo(text, err=True)


def print_rows(columns: Sequence[Column], rows: Sequence[Sequence[Any]], *, as_json: bool) -> None:
    """Print rows as a table, or as a JSON array with one object a row."""
    if as_json:
        names = [column.title.replace(" ", "_") for column in columns]
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    cells = [[column.text(value) for column, value in zip(columns, row, strict=True)] for row in rows]
    print_table([column.title for column in columns], cells)


def print_json(value: object) -> None:
    """Print a value as indented JSON in UTF-8."""
    print_answer(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        print_answer("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
