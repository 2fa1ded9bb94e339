"""Entry point of `ml-guard`: the table of commands, which are imported only when called, and the exit codes of failures.

Each command is defined in the module of its domain.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from guard_cli.terminal import CommandError, print_note

_COMMANDS = {
    "serve": ("guard_cli.serve:serve", "Run the server."),
    "up": ("guard_cli.stack.up:up", "Start the server and Dagster, and wait until they are healthy."),
    "down": ("guard_cli.stack.up:down", "Stop what `up` started."),
    "status": ("guard_cli.status:status", "Show whether the running server is healthy, and what waits or has failed."),
    "doctor": (
        "guard_cli.doctor.command:doctor",
        "Check all settings and everything that ML Guard depends on, and show the fix of each problem.",
    ),
    "open": (
        "guard_cli.pages:open_pages",
        "Print a link that signs you in to the pages; it works once, within 15 minutes.",
    ),
    "import": (
        "guard_cli.history.importing:import_history",
        "Import a model's history from SOURCE, and show its first verdicts.",
    ),
    "keys": ("guard_cli.keys:keys", "Create, list and revoke API keys."),
    "projects": ("guard_cli.projects:projects", "Create and list projects."),
    "models": ("guard_cli.models:models", "List versions; promote, reject and roll back."),
    "report": ("guard_cli.report:report", "Write the monthly report of a model as one HTML file."),
    "audit": ("guard_cli.audit:audit", "Verify that the audit ledger is complete and unchanged."),
    "prompts": ("guard_cli.prompts:prompts", "Check the prompt templates."),
    "knowledge": ("guard_cli.knowledge:knowledge", "Evaluate the knowledge base."),
    "alerts": ("guard_cli.alerts:alerts", "List alerts, test routes, import policies from a file."),
    "research": ("guard_cli.research:research", "Evaluate research, and replay a research request."),
    "migrate": ("guard_cli.database:migrate", "Bring the database to the newest schema."),
    "backup": ("guard_cli.backup:backup", "Write a backup of everything to one file, while everything runs."),
    "restore": ("guard_cli.backup:restore", "Restore a backup into an empty folder, or into PostgreSQL."),
    "dagster": ("guard_cli.dagster:dagster", "Write the history of days and trainings into Dagster's storage."),
    "settings": ("guard_cli.settings:settings", "Print the table of settings."),
}


class CommandLine(click.Group):
    """A group that imports the module of a command only when the command runs or shows its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the module of a command."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, function = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), function)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names; the error for an unknown name lists the commands."""
        if args[0] not in _COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}. The commands are {', '.join(_COMMANDS)}.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the table of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the names of commands, without importing them."""
        names = [
            CompletionItem(name, help=summary)
            for name, (_, summary) in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and return its exit code; a failure is one line and exit code 2."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # a reader such as `head` that closes the pipe early is no failure
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except (KeyboardInterrupt, click.Abort):
            return 130
        except CommandError as error:
            print_note(f"ml-guard: {error}")
        except OSError as error:
            print_note(f"ml-guard: {_describe_os_error(error)}")
        except _loaded("guard_core.settings", "SettingsError") as error:
            print_note(f"ml-guard: {error}")
        except _loaded("sqlalchemy.exc", "DatabaseError", "InterfaceError") as error:
            is_failure_of_store = isinstance(error, _loaded("sqlalchemy.exc", "OperationalError", "InterfaceError"))
            if not (is_failure_of_store or _damage_note(error)):
                raise
            print_note(f"ml-guard: {_describe_database_error(error)}")
        return 2


@click.group(
    cls=CommandLine,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Help on a command, with an example: ml-guard COMMAND --help",
)
@click.version_option(package_name="ml-guard", prog_name="ml-guard", message="%(prog)s %(version)s")
def ml_guard() -> None:
    """Monitor machine-learning models and calls of language models in production."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 if it succeeded, 2 if it could not run.

    Raises
    ------
    SystemExit
        If the arguments are wrong, with code 2.
    """
    try:
        return int(ml_guard.main(arguments, prog_name="ml-guard", standalone_mode=False) or 0)
    except click.UsageError as error:
        error.show()
        sys.exit(error.exit_code)


def _loaded(module: str, *names: str) -> tuple[type[Exception], ...]:
    """Return exception classes of a module, or none if it is not imported and so cannot have raised any."""
    imported = sys.modules.get(module)
    return () if imported is None else tuple(getattr(imported, name) for name in names)


def _describe_os_error(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}; files are kept below ML_GUARD_HOME, a folder that can be written to"


def _damage_note(error: Exception) -> str:
    """Return what helps if the file of the database is damaged; empty if it is not."""
    from guard_store.db.damage import REMEDY, is_damage

    return f"the file of the database is damaged: {REMEDY}" if is_damage(error) else ""


def _describe_database_error(error: Exception) -> str:
    """Return the driver's reason in one line; the text of SQLAlchemy would include the statement and its values."""
    reason = " ".join(str(getattr(error, "orig", error)).split())
    problem = _damage_note(error) or "the database cannot be used"
    return f"{problem} ({reason}); ML_GUARD_DATABASE_URL (or --database) says where it is"


if __name__ == "__main__":
    sys.exit(main())
