"""`ml-guard models`: list the versions of a model, and decide about them; decisions are recorded with the actor `cli`."""

from collections.abc import Callable
from typing import TypeVar

import click

from guard_cli.database import open_database
from guard_cli.ledger_entry import write_ledger_entry
from guard_cli.terminal import Column, CommandError, example, json_option, print_answer, print_rows
from guard_core.settings import Settings, load_settings

_Command = TypeVar("_Command", bound=Callable[..., object])
_COLUMNS = [
    Column("version"),
    Column("aliases", ", ".join),
    Column("made"),
    Column("promotion", {None: "", True: "promote", False: "keep the champion"}.__getitem__),
    Column("why", "; ".join),
]

_reason_option = click.option("--reason", required=True, help="Why; it is recorded.")


def _model_arguments(command: _Command) -> _Command:
    """Give a command the arguments PROJECT and MODEL, the ids of both."""
    model = click.argument("model_id", metavar="MODEL")
    return click.argument("project_id", metavar="PROJECT")(model(command))


@click.group()
def models() -> None:
    """List versions; promote, reject and roll back."""


@models.command("list", epilog=example("ml-guard models list flights late"))
@_model_arguments
@json_option
def list_versions(project_id: str, model_id: str, *, as_json: bool) -> None:
    """List the versions of a model."""
    print_versions(load_settings(), project_id, model_id, as_json=as_json)


@models.command(epilog=example("ml-guard models promote flights late 7 --reason 'better in the shadow'"))
@_model_arguments
@click.argument("version")
@_reason_option
def promote(project_id: str, model_id: str, version: str, reason: str) -> None:
    """Make a version the champion."""
    decide(load_settings(), "promote", project_id, model_id, version, reason)


@models.command(epilog=example("ml-guard models reject flights late 7 --reason 'unfair to small airports'"))
@_model_arguments
@click.argument("version")
@_reason_option
def reject(project_id: str, model_id: str, version: str, reason: str) -> None:
    """Take the alias challenger from a version."""
    decide(load_settings(), "reject", project_id, model_id, version, reason)


@models.command(epilog=example("ml-guard models rollback flights late --reason 'customers complain'"))
@_model_arguments
@_reason_option
def rollback(project_id: str, model_id: str, reason: str) -> None:
    """Make the previous champion the champion again."""
    decide(load_settings(), "rollback", project_id, model_id, None, reason)


def print_versions(settings: Settings, project_id: str, model_id: str, *, as_json: bool = False) -> None:
    """Print the versions of a model.

    Raises
    ------
    CommandError
        If there are none, or the registry does not answer.
    """
    from guard_store.retraining.registry import RegistryUnavailableError
    from serving.app import Services
    from serving.retraining.versions.service import VersionService

    with open_database(settings) as database:
        try:
            service = Services(settings, database).parts.get(VersionService)
            versions = service.versions(project_id, model_id)
        except RegistryUnavailableError as error:
            raise CommandError(str(error)) from None
    if not versions:
        raise CommandError(f"{project_id}/{model_id} has no versions yet: a training makes the first one")
    rows = [
        [view.version, view.aliases, view.created_at.isoformat(timespec="seconds"), view.promoted, view.reasons]
        for view in versions
    ]
    print_rows(_COLUMNS, rows, as_json=as_json)


def decide(settings: Settings, action: str, project_id: str, model_id: str, version: str | None, reason: str) -> None:
    """Promote or reject a version, or roll back to the previous champion, and record it.

    Raises
    ------
    CommandError
        If the decision is not possible, with the reason.
    """
    from guard_store.retraining.decisions import Actor
    from guard_store.retraining.registry import RegistryUnavailableError
    from serving.app import Services
    from serving.http.problems import Problem
    from serving.retraining.versions.service import VersionService

    actor = Actor("cli", "admin", None)
    with open_database(settings) as database:
        service = Services(settings, database).parts.get(VersionService)
        try:
            if action == "rollback":
                view = service.roll_back(project_id, model_id, reason, actor)
            else:
                change = service.promote if action == "promote" else service.reject
                view = change(project_id, model_id, str(version), reason, actor)
        except Problem as problem:
            raise CommandError(problem.detail) from None
        except RegistryUnavailableError as error:
            raise CommandError(str(error)) from None
        write_ledger_entry(
            database, f"models {action}", project_id, model=model_id, version=str(view.version), reason=reason
        )
    aliases = ", ".join(view.aliases) or "no alias"
    print_answer(f"version {view.version}: {aliases}; servers follow within {settings.predict.model_poll_s} s")
