"""The process of a command-line script: its exit code, also of a crash, its signals and its messages.

Arguments and results belong to the scripts; defaults of environment variables are in `environment.py`.
"""

import argparse
import signal
import sys
import traceback
import unicodedata
from collections.abc import Callable

EXIT_CRASH = 3
_CONTROLS = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def run(main: Callable[[], int]) -> None:
    """Exit with the code of a script; a crash prints its traceback and exits with a code that no result has."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` closes the pipe early, which is no error
    try:
        code = main()
    except Exception:  # noqa: BLE001 - Python itself would exit with 1, which is a result
        traceback.print_exc()
        code = EXIT_CRASH
    sys.exit(code)


def add_trust_option(parser: argparse.ArgumentParser) -> None:
    """Add `--trust`, the types beside plain data that models may hold."""
    parser.add_argument(
        "--trust", action="append", default=[], metavar="TYPE", help="a type that models may hold; may be given often"
    )


def print_message(text: str) -> None:
    """Print a message on one line of standard error, whatever the names and values in it hold."""
    sys.stderr.write(escape_controls(text) + "\n")


def escape_controls(text: str) -> str:
    r"""Escape line feeds and other control characters, which names of columns may hold.

    Examples
    --------
    >>> print(escape_controls("no column größe\n(cm)"))
    no column größe\n(cm)
    """
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in _CONTROLS else c for c in text)
