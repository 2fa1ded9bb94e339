"""From parsed arguments to one command each."""

import argparse

from guard_cli.terminal import say
from guard_core.settings import Settings

# Commands import what they need when they run: `ml-guard keys` need not wait for the server's modules, and the server
# sets its metrics' environment before anything imports prometheus_client.


def serve(settings: Settings, _: argparse.Namespace) -> int:
    """Run the server."""
    from guard_cli.serve import serve

    return serve(settings)


def up(settings: Settings, parsed: argparse.Namespace) -> int:
    """Start the server and Dagster."""
    from guard_cli.stack.up import up

    return up(settings, detach=parsed.detach)


def down(settings: Settings, _: argparse.Namespace) -> int:
    """Stop what `up` started."""
    from guard_cli.stack.up import down

    return down(settings)


def create_key(settings: Settings, parsed: argparse.Namespace) -> int:
    """Make a key and print it."""
    from guard_cli import keys

    return keys.create(settings, parsed.name, parsed.role, parsed.project)


def list_keys(settings: Settings, _: argparse.Namespace) -> int:
    """List all keys."""
    from guard_cli import keys

    return keys.show(settings)


def revoke_key(settings: Settings, parsed: argparse.Namespace) -> int:
    """Revoke a key."""
    from guard_cli import keys

    return keys.revoke(settings, parsed.id)


def create_project(settings: Settings, parsed: argparse.Namespace) -> int:
    """Make a project."""
    from guard_cli import projects

    return projects.create(settings, parsed.name, parsed.id, parsed.timezone)


def list_projects(settings: Settings, _: argparse.Namespace) -> int:
    """List all projects."""
    from guard_cli import projects

    return projects.show(settings)


def models(settings: Settings, parsed: argparse.Namespace) -> int:
    """List the versions of a model, or decide about one."""
    from guard_cli import models

    if parsed.action == "list":
        return models.show(settings, parsed.project, parsed.model)
    version = getattr(parsed, "version", None)
    return models.decide(settings, parsed.action, parsed.project, parsed.model, version, parsed.reason)


def verify_audit(settings: Settings, parsed: argparse.Namespace) -> int:
    """Walk the chain of the ledger."""
    from guard_cli import audit

    if parsed.export is not None:
        return audit.verify_export(parsed.export, parsed.checkpoints, parsed.public_key)
    return audit.verify_database(settings, parsed.database, parsed.public_key)


def show_audit_key(settings: Settings, _: argparse.Namespace) -> int:
    """Print the key that signs checkpoints."""
    from guard_cli import audit

    return audit.show_key(settings)


def prompts(_: Settings, parsed: argparse.Namespace) -> int:
    """Check or lock the prompt templates."""
    from guard_cli import prompts
    from serving.gateway.prompts.registry import default_folder

    act = prompts.check if parsed.action == "check" else prompts.lock
    return act(parsed.folder or default_folder())


def evaluate_knowledge(settings: Settings, parsed: argparse.Namespace) -> int:
    """Measure the knowledge base."""
    from guard_cli import knowledge

    return knowledge.evaluate(settings, parsed.questions)


def list_alerts(settings: Settings, parsed: argparse.Namespace) -> int:
    """List alerts."""
    from guard_cli import alerts

    return alerts.show(settings, parsed.project, resolved=parsed.all)


def test_route(settings: Settings, parsed: argparse.Namespace) -> int:
    """Send a test message."""
    from guard_cli import alerts

    return alerts.test(settings, parsed.route)


def import_policies(settings: Settings, parsed: argparse.Namespace) -> int:
    """Replace policies by those of a file."""
    from guard_cli import alerts

    return alerts.import_policies(settings, parsed.file)


def replay_research(settings: Settings, parsed: argparse.Namespace) -> int:
    """Run the steps of a research again."""
    from guard_cli import research

    return research.again(settings, parsed.request_id)


def migrate(settings: Settings, _: argparse.Namespace) -> int:
    """Bring the database to the newest schema."""
    from guard_cli.keys import open_database

    with open_database(settings):
        say("the database has the newest schema")
    return 0


def settings(_: Settings, parsed: argparse.Namespace) -> int:
    """Print the settings as a table or as .env."""
    from guard_core.settings.docs import env_example, markdown_page

    say((env_example() if parsed.env else markdown_page()).rstrip("\n"))
    return 0
