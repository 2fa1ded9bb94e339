"""`ml-guard`: reads the arguments and calls one command; failures are one line and exit code 2."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from sqlalchemy.exc import InterfaceError, OperationalError

from guard_cli.arguments import parser
from guard_cli.terminal import CommandError, remark
from guard_core.settings import ENV_PREFIX, Settings, SettingsError, load_settings

Command = Callable[[Settings, argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 where it worked, 2 where it could not."""
    parsed = parser().parse_args(arguments)
    try:
        _override_settings(parsed)
        command: Command = parsed.command
        return command(load_settings(), parsed)
    except (SettingsError, CommandError) as error:
        remark(f"ml-guard: {error}")
        return 2
    except BrokenPipeError:  # whoever reads only the head of a list has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OperationalError, InterfaceError, OSError) as error:
        remark(f"ml-guard: {_told(error)}")
        return 2
    except KeyboardInterrupt:
        return 130


def _told(error: OperationalError | InterfaceError | OSError) -> str:
    """What is wrong outside of us, in a line without secrets."""
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}; files are kept below ML_GUARD_HOME, a folder that can be written to"
    reason = " ".join(str(error.orig).split())
    return f"the database cannot be used: {reason}; ML_GUARD_DATABASE_URL (or --database) says where it is"


def _override_settings(parsed: argparse.Namespace) -> None:
    # By the environment, so that the processes that we start see the same.
    for name in ("host", "port", "workers"):
        value = getattr(parsed, name, None)
        if value is not None:
            os.environ[f"{ENV_PREFIX}{name.upper()}"] = value


if __name__ == "__main__":
    sys.exit(main())
