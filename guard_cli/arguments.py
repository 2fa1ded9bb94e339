"""The arguments of `ml-guard`, and which command they call."""

import argparse
from pathlib import Path

from guard_cli import handlers
from guard_core.settings import ROLES


def parser() -> argparse.ArgumentParser:
    """The parser; what it makes has the command to call as `command`."""
    root = argparse.ArgumentParser(prog="ml-guard", description="Watches machine-learning models in production.")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
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
    migrate.set_defaults(command=handlers.migrate)
    settings = commands.add_parser("settings", help="print the page of all settings")
    settings.add_argument("--env", action="store_true", help="print .env.example instead")
    settings.set_defaults(command=handlers.settings)
    return root


def _add_running(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    serve = commands.add_parser("serve", help="run the server")
    up = commands.add_parser("up", help="start the server and Dagster, and wait until they are healthy")
    for parser in (serve, up):
        parser.add_argument("--host", help="address to bind to")
        parser.add_argument("--port", help="port of the server")
        parser.add_argument("--workers", help="server processes")
    up.add_argument("--detach", action="store_true", help="return when everything is healthy")
    serve.set_defaults(command=handlers.serve)
    up.set_defaults(command=handlers.up)
    down = commands.add_parser("down", help="stop what `up` started")
    down.set_defaults(command=handlers.down)


def _add_keys(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("keys", help="make, list and revoke API keys").add_subparsers(
        required=True, metavar="ACTION"
    )
    create = actions.add_parser("create", help="make a key and print it, this once")
    create.add_argument("name", help="what the key is for")
    create.add_argument("--role", choices=ROLES, default="analyst", help="default: analyst")
    create.add_argument("--project", metavar="ID", help="the only project that it opens; without, all")
    create.set_defaults(command=handlers.create_key)
    show = actions.add_parser("list", help="list all keys")
    show.set_defaults(command=handlers.list_keys)
    revoke = actions.add_parser("revoke", help="revoke a key")
    revoke.add_argument("id", help="the key's id")
    revoke.set_defaults(command=handlers.revoke_key)


def _add_projects(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("projects", help="make and list projects").add_subparsers(
        required=True, metavar="ACTION"
    )
    create = actions.add_parser("create", help="make a project and print its id")
    create.add_argument("name")
    create.add_argument("--id", help="made where it is not given")
    create.add_argument("--timezone", default="UTC", help="IANA name; default: UTC")
    create.set_defaults(command=handlers.create_project)
    show = actions.add_parser("list", help="list all projects")
    show.set_defaults(command=handlers.list_projects)


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
        parser.set_defaults(command=handlers.models, action=action)


def _add_audit(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("audit", help="prove that the audit ledger is whole").add_subparsers(
        required=True, metavar="ACTION"
    )
    verify = actions.add_parser("verify", help="walk the chain; exit code 1 where it is broken")
    verify.add_argument("--database", metavar="URL", help="another database than that of the settings, such as a copy")
    verify.add_argument("--export", type=Path, metavar="FILE", help="the CSV of /api/v1/audit/export instead")
    verify.add_argument("--checkpoints", type=Path, metavar="FILE", help="the JSON of /api/v1/audit/checkpoints")
    verify.add_argument("--public-key", action="append", default=[], metavar="KEY", help="trust its checkpoints")
    verify.set_defaults(command=handlers.verify_audit)
    key = actions.add_parser("key", help="print the public key that signs checkpoints here")
    key.set_defaults(command=handlers.show_audit_key)


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
        parser.set_defaults(command=handlers.prompts, action=action)


def _add_knowledge(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("knowledge", help="measure the knowledge base").add_subparsers(
        required=True, metavar="ACTION"
    )
    evaluate = actions.add_parser("evaluate", help="ask it questions whose answers are known")
    evaluate.add_argument(
        "--questions", type=Path, metavar="FILE", help="others than those of the sample corpus (YAML)"
    )
    evaluate.set_defaults(command=handlers.evaluate_knowledge)


def _add_alerts(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("alerts", help="list alerts, try routes, read policies from a file").add_subparsers(
        required=True, metavar="ACTION"
    )
    show = actions.add_parser("list", help="list alerts, newest first")
    show.add_argument("--project", metavar="ID", help="only of this project")
    show.add_argument("--all", action="store_true", help="also those that are resolved")
    show.set_defaults(command=handlers.list_alerts)
    test = actions.add_parser("test", help="send a test message on a route now; exit code 1 where it does not go out")
    test.add_argument("route", help="name of a route in ML_GUARD_ALERT_ROUTES")
    test.set_defaults(command=handlers.test_route)
    read = actions.add_parser("import", help="replace the policies of the projects that a YAML file names")
    read.add_argument("file", type=Path, help="the file")
    read.set_defaults(command=handlers.import_policies)


def _add_research(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = commands.add_parser("research", help="take a research again").add_subparsers(
        required=True, metavar="ACTION"
    )
    replay = actions.add_parser(
        "replay", help="run its steps again; exit code 1 where one differs, 2 where none is kept"
    )
    replay.add_argument("request_id", help="request_id of the answer")
    replay.set_defaults(command=handlers.replay_research)
