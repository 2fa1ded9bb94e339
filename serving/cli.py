"""`ml-guard`: reads the arguments and calls one command; failures are one line and exit code 2."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy.exc import InterfaceError, OperationalError

from guard_store.keys import ROLES
from guard_store.settings import ENV_PREFIX, Settings, SettingsError, load_settings
from serving.commands.terminal import CommandError, remark, say

Command = Callable[[Settings, argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 where it worked, 2 where it could not."""
    parsed = _parser().parse_args(arguments)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ml-guard", description="Watches machine-learning models in production.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_running(commands)
    _add_keys(commands)
    _add_projects(commands)
    _add_models(commands)
    _add_audit(commands)
    _add_prompts(commands)
    _add_knowledge(commands)
    _add_alerts(commands)
    _add_research(commands)
    migrate = commands.add_parser("migrate", help="bring the database to the newest schema")
    migrate.set_defaults(command=_migrate)
    settings = commands.add_parser("settings", help="print the table of settings")
    settings.add_argument("--env", action="store_true", help="print .env.example instead")
    settings.set_defaults(command=_settings)
    return parser


def _add_running(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    serve = commands.add_parser("serve", help="run the server")
    up = commands.add_parser("up", help="start the server and Dagster, and wait until they are healthy")
    for parser in (serve, up):
        parser.add_argument("--host", help="address to bind to")
        parser.add_argument("--port", help="port of the server")
        parser.add_argument("--workers", help="server processes")
    up.add_argument("--detach", action="store_true", help="return when everything is healthy")
    serve.set_defaults(command=_serve)
    up.set_defaults(command=_up)
    down = commands.add_parser("down", help="stop what `up` started")
    down.set_defaults(command=_down)


def _add_keys(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("keys", help="make, list and revoke API keys").add_subparsers(
        required=True, metavar="ACTION"
    )
    create = actions.add_parser("create", help="make a key and print it, this once")
    create.add_argument("name", help="what the key is for")
    create.add_argument("--role", choices=ROLES, default="analyst", help="default: analyst")
    create.add_argument("--project", metavar="ID", help="the only project that it opens; without, all")
    create.set_defaults(command=_create_key)
    show = actions.add_parser("list", help="list all keys")
    show.set_defaults(command=_list_keys)
    revoke = actions.add_parser("revoke", help="revoke a key")
    revoke.add_argument("id", help="the key's id")
    revoke.set_defaults(command=_revoke_key)


def _add_projects(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("projects", help="make and list projects").add_subparsers(
        required=True, metavar="ACTION"
    )
    create = actions.add_parser("create", help="make a project and print its id")
    create.add_argument("name")
    create.add_argument("--id", help="made where it is not given")
    create.add_argument("--timezone", default="UTC", help="IANA name; default: UTC")
    create.set_defaults(command=_create_project)
    show = actions.add_parser("list", help="list all projects")
    show.set_defaults(command=_list_projects)


def _add_models(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("models", help="list versions; promote, reject and roll back").add_subparsers(
        required=True, metavar="ACTION"
    )
    for action, text in (
        ("list", "list the versions of a model"),
        ("promote", "make a version the champion"),
        ("reject", "take the alias challenger from a version"),
        ("rollback", "make the champion before the present one the champion again"),
    ):
        parser = actions.add_parser(action, help=text)
        parser.add_argument("project", help="id of the project")
        parser.add_argument("model", help="id of the model")
        if action in ("promote", "reject"):
            parser.add_argument("version", help="number of the version")
        if action != "list":
            parser.add_argument("--reason", required=True, help="why; it goes on record")
        parser.set_defaults(command=_models, action=action)


def _add_audit(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("audit", help="prove that the audit ledger is whole").add_subparsers(
        required=True, metavar="ACTION"
    )
    verify = actions.add_parser("verify", help="walk the chain; exit code 1 where it is broken")
    verify.add_argument("--database", metavar="URL", help="another database than that of the settings, such as a copy")
    verify.add_argument("--export", type=Path, metavar="FILE", help="the CSV of /api/v1/audit/export instead")
    verify.add_argument("--checkpoints", type=Path, metavar="FILE", help="the JSON of /api/v1/audit/checkpoints")
    verify.add_argument("--public-key", action="append", default=[], metavar="KEY", help="trust its checkpoints")
    verify.set_defaults(command=_verify_audit)
    key = actions.add_parser("key", help="print the public key that signs checkpoints here")
    key.set_defaults(command=_show_audit_key)


def _add_prompts(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("prompts", help="check the prompt templates").add_subparsers(
        required=True, metavar="ACTION"
    )
    for action, text in (
        ("check", "render their tests; exit code 1 where a version's content has changed"),
        ("lock", "write prompts.lock from what they are now"),
    ):
        parser = actions.add_parser(action, help=text)
        parser.add_argument("--folder", type=Path, help="another folder than prompts/")
        parser.set_defaults(command=_prompts, action=action)


def _add_knowledge(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("knowledge", help="measure the knowledge base").add_subparsers(
        required=True, metavar="ACTION"
    )
    evaluate = actions.add_parser("evaluate", help="ask it questions whose answers are known")
    evaluate.add_argument(
        "--questions", type=Path, metavar="FILE", help="others than those of the sample corpus (YAML)"
    )
    evaluate.set_defaults(command=_evaluate_knowledge)


def _add_alerts(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("alerts", help="list alerts, try routes, read policies from a file").add_subparsers(
        required=True, metavar="ACTION"
    )
    show = actions.add_parser("list", help="list alerts, newest first")
    show.add_argument("--project", metavar="ID", help="only of this project")
    show.add_argument("--all", action="store_true", help="also those that are resolved")
    show.set_defaults(command=_list_alerts)
    test = actions.add_parser("test", help="send a test message on a route now; exit code 1 where it does not go out")
    test.add_argument("route", help="name of a route in ML_GUARD_ALERT_ROUTES")
    test.set_defaults(command=_test_route)
    read = actions.add_parser("import", help="replace the policies of the projects that a YAML file names")
    read.add_argument("file", type=Path, help="the file")
    read.set_defaults(command=_import_policies)


def _add_research(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("research", help="take a research again").add_subparsers(
        required=True, metavar="ACTION"
    )
    replay = actions.add_parser(
        "replay", help="run its steps again; exit code 1 where one differs, 2 where none is kept"
    )
    replay.add_argument("request_id", help="request_id of the answer")
    replay.set_defaults(command=_replay_research)


# Commands import what they need when they run: `ml-guard keys` need not wait for the server's modules, and the server
# sets its metrics' environment before anything imports prometheus_client.


def _serve(settings: Settings, _: argparse.Namespace) -> int:
    from serving.commands.serve import serve

    return serve(settings)


def _up(settings: Settings, parsed: argparse.Namespace) -> int:
    from serving.commands.up import up

    return up(settings, detach=parsed.detach)


def _down(settings: Settings, _: argparse.Namespace) -> int:
    from serving.commands.up import down

    return down(settings)


def _create_key(settings: Settings, parsed: argparse.Namespace) -> int:
    from serving.commands import keys

    return keys.create(settings, parsed.name, parsed.role, parsed.project)


def _list_keys(settings: Settings, _: argparse.Namespace) -> int:
    from serving.commands import keys

    return keys.show(settings)


def _revoke_key(settings: Settings, parsed: argparse.Namespace) -> int:
    from serving.commands import keys

    return keys.revoke(settings, parsed.id)


def _create_project(settings: Settings, parsed: argparse.Namespace) -> int:
    from serving.commands import projects

    return projects.create(settings, parsed.name, parsed.id, parsed.timezone)


def _list_projects(settings: Settings, _: argparse.Namespace) -> int:
    from serving.commands import projects

    return projects.show(settings)


def _models(settings: Settings, parsed: argparse.Namespace) -> int:
    from serving.commands import models

    if parsed.action == "list":
        return models.show(settings, parsed.project, parsed.model)
    version = getattr(parsed, "version", None)
    return models.decide(settings, parsed.action, parsed.project, parsed.model, version, parsed.reason)


def _verify_audit(settings: Settings, parsed: argparse.Namespace) -> int:
    from serving.commands import audit

    if parsed.export is not None:
        return audit.verify_export(parsed.export, parsed.checkpoints, parsed.public_key)
    return audit.verify_database(settings, parsed.database, parsed.public_key)


def _show_audit_key(settings: Settings, _: argparse.Namespace) -> int:
    from serving.commands import audit

    return audit.show_key(settings)


def _prompts(_: Settings, parsed: argparse.Namespace) -> int:
    from serving.commands import prompts
    from serving.prompts import default_folder

    act = prompts.check if parsed.action == "check" else prompts.lock
    return act(parsed.folder or default_folder())


def _evaluate_knowledge(settings: Settings, parsed: argparse.Namespace) -> int:
    from serving.commands import knowledge

    return knowledge.evaluate(settings, parsed.questions)


def _list_alerts(settings: Settings, parsed: argparse.Namespace) -> int:
    from serving.commands import alerts

    return alerts.show(settings, parsed.project, resolved=parsed.all)


def _test_route(settings: Settings, parsed: argparse.Namespace) -> int:
    from serving.commands import alerts

    return alerts.test(settings, parsed.route)


def _import_policies(settings: Settings, parsed: argparse.Namespace) -> int:
    from serving.commands import alerts

    return alerts.import_policies(settings, parsed.file)


def _replay_research(settings: Settings, parsed: argparse.Namespace) -> int:
    from serving.commands import research

    return research.again(settings, parsed.request_id)


def _migrate(settings: Settings, _: argparse.Namespace) -> int:
    from serving.commands.keys import open_database

    with open_database(settings):
        say("the database has the newest schema")
    return 0


def _settings(_: Settings, parsed: argparse.Namespace) -> int:
    from guard_store.settings_docs import env_example, markdown_table

    say((env_example() if parsed.env else markdown_table()).rstrip("\n"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
