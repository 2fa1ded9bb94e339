"""`ml-guard alerts`: list alerts, test a route, import alert policies from a file; no server is needed."""

from pathlib import Path

import click

from guard_cli.database import open_database, require_project
from guard_cli.ledger_entry import write_ledger_entry
from guard_cli.terminal import FILE, Column, CommandError, example, json_option, print_answer, print_rows
from guard_core.days import from_microseconds
from guard_core.settings import load_settings

_ALL = 10_000


def _place(where: dict[str, str | None]) -> str:
    return "/".join(part for part in (where["project"] or "all projects", where["model"]) if part)


_COLUMNS = [
    Column("id"),
    Column("state"),
    Column("severity"),
    Column("where", _place),
    Column("kind"),
    Column("opened"),
    Column("what"),
]


@click.group()
def alerts() -> None:
    """List alerts, test routes, import policies from a file."""


@alerts.command("list", epilog=example("ml-guard alerts list --project flights --all --json"))
@click.option("--project", "project_id", metavar="ID", help="Only alerts of this project.")
@click.option("--all", "resolved", is_flag=True, help="Also those that are resolved.")
@json_option
def list_alerts(project_id: str | None, *, resolved: bool, as_json: bool) -> None:
    """List alerts, newest first."""
    from guard_store.alerts.store import AlertStore

    with open_database(load_settings()) as database:
        require_project(database, project_id)
        selection = {"project_id": project_id, "state": None if resolved else "open"}
        page = AlertStore(database).page(selection, limit=_ALL)
    rows = [
        [
            alert.id,
            alert.state,
            alert.severity,
            {"project": alert.project_id, "model": alert.model_id},
            alert.kind,
            from_microseconds(alert.opened_us).isoformat(timespec="seconds"),
            alert.summary,
        ]
        for alert in page
    ]
    print_rows(_COLUMNS, rows, as_json=as_json)


@alerts.command(epilog=example("ml-guard alerts test oncall"))
@click.argument("route")
def test(route: str) -> int:
    """Send a test message on a ROUTE of ML_GUARD_ALERT_ROUTES now, past the outbox.

    The exit code is 1 if it could not be sent.
    """
    from serving.alerts.routes import scheme_of, sender_of
    from serving.alerts.senders.base import DeliveryError, RouteError
    from serving.alerts.trial import trial_message

    settings = load_settings()
    if route not in settings.alert.routes:
        names = ", ".join(sorted(settings.alert.routes)) or "none"
        raise CommandError(f"ML_GUARD_ALERT_ROUTES has no route {route!r}; there is {names}")
    url = settings.alert.routes[route]
    try:
        sender = sender_of(url)
        sender.send(trial_message(route, settings.server.public_address), settings.alert.timeout_s)
    except RouteError as error:
        raise CommandError(f"ML_GUARD_ALERT_ROUTES: {route}: {error}") from None
    except DeliveryError as error:
        print_answer(f"not sent on {route} ({scheme_of(url)}): {error}")
        return 1
    with open_database(settings) as database:
        write_ledger_entry(database, "alerts test", route=route)
    print_answer(f"sent on {route} ({scheme_of(url)})")
    return 0


@alerts.command("import", epilog=example("ml-guard alerts import alerts.yaml"))
@click.argument("file", type=FILE)
def import_policies(file: Path) -> None:
    """Replace the policies of the projects that a YAML FILE names; if anything in it is wrong, change nothing."""
    from guard_store.alerts.policies import PolicyStore
    from guard_store.projects.store import ProjectStore
    from serving.alerts.policy_file import PolicyFileError, read_policies

    settings = load_settings()
    try:
        policies = read_policies(file, settings.alert.routes)
    except PolicyFileError as error:
        raise CommandError(str(error)) from None
    with open_database(settings) as database:
        for project_id in policies:
            if ProjectStore(database).get(project_id) is None:
                raise CommandError(f"{file}: projects.{project_id}: there is no such project")
        PolicyStore(database).replace(policies, None)
        for project_id, project_policies in policies.items():
            names = ", ".join(policy.name for policy in project_policies)
            write_ledger_entry(database, "alerts import", project_id, policies=names)
    for project_id, project_policies in policies.items():
        print_answer(f"{project_id}: {len(project_policies)} policies of its own, the defaults beside them")
