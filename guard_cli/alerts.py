"""`ml-guard alerts`: what is open, whether a route works, policies from a file."""

import uuid
from pathlib import Path

from guard_cli.keys import open_database
from guard_cli.on_record import on_record
from guard_cli.terminal import CommandError, say, say_table
from guard_core.days import from_microseconds, now_us
from guard_core.settings import Settings
from guard_store.alerts.outbox import Delivery
from guard_store.alerts.policies import PolicyStore
from guard_store.alerts.store import AlertStore
from guard_store.projects.store import ProjectStore
from serving.alerts.policy_file import PolicyFileError, read_policies
from serving.alerts.routes import scheme_of, sender_of
from serving.alerts.senders.base import DeliveryError, RouteError

_ALL = 10_000


def show(settings: Settings, project_id: str | None, *, resolved: bool) -> int:
    """List alerts, newest first.

    Raises
    ------
    CommandError
        Where there is no such project.
    """
    with open_database(settings) as database:
        if project_id is not None and ProjectStore(database).get(project_id) is None:
            raise CommandError(f"there is no project {project_id!r}; `ml-guard projects list` shows them")
        wanted = {"project_id": project_id, "state": None if resolved else "open"}
        found = AlertStore(database).page(wanted, limit=_ALL)
    rows = []
    for alert in found:
        opened = from_microseconds(alert.opened_us).isoformat(timespec="seconds")
        where = "/".join(part for part in (alert.project_id or "all projects", alert.model_id) if part)
        rows.append([alert.id, alert.state, alert.severity, where, alert.kind, opened, alert.summary])
    say_table(["id", "state", "severity", "where", "kind", "opened", "what"], rows)
    return 0


def test(settings: Settings, route: str) -> int:
    """Send a test message on a route now, past the outbox, and say what came of it.

    Raises
    ------
    CommandError
        Where there is no such route, or its URL is wrong.
    """
    if route not in settings.alert.routes:
        known = ", ".join(sorted(settings.alert.routes)) or "none"
        raise CommandError(f"ML_GUARD_ALERT_ROUTES has no route {route!r}; there is {known}")
    url = settings.alert.routes[route]
    try:
        sender = sender_of(url)
        sender.send(_test_message(settings, route), settings.alert.timeout_s)
    except RouteError as error:
        raise CommandError(f"ML_GUARD_ALERT_ROUTES: {route}: {error}") from None
    except DeliveryError as error:
        say(f"not sent on {route} ({scheme_of(url)}): {error}")
        return 1
    with open_database(settings) as database:
        on_record(database, "alerts test", route=route)
    say(f"sent on {route} ({scheme_of(url)})")
    return 0


def import_policies(settings: Settings, path: Path) -> int:
    """Replace the policies of the projects that a file names.

    Raises
    ------
    CommandError
        Where the file is wrong, or a project does not exist: nothing is changed then.
    """
    try:
        policies = read_policies(path, settings.alert.routes)
    except PolicyFileError as error:
        raise CommandError(str(error)) from None
    with open_database(settings) as database:
        for project_id in policies:
            if ProjectStore(database).get(project_id) is None:
                raise CommandError(f"{path}: projects.{project_id}: there is no such project")
        PolicyStore(database).replace(policies, None)
        for project_id, of_project in policies.items():
            names = ", ".join(policy.name for policy in of_project)
            on_record(database, "alerts import", project_id, policies=names)
    for project_id, of_project in policies.items():
        say(f"{project_id}: {len(of_project)} policies of its own, the defaults beside them")
    return 0


def _test_message(settings: Settings, route: str) -> Delivery:
    name, at = uuid.uuid4().hex, now_us()
    title = "[INFO] ML Guard: a test message"
    payload = {"id": name, "incident_id": name, "seq": 1, "thread": title, "project_id": None, "model_id": None}
    return Delivery(
        id=name,
        incident_id=name,
        route=route,
        seq=1,
        title=title,
        body=f"Somebody has asked for it with `ml-guard alerts test`. Nothing is wrong.\n\n{settings.server.public_address}\n",
        payload={**payload, "state": "test", "severity": "info", "changes": []},
        created_us=at,
        due_us=at,
        state="waiting",
        attempts=0,
        tries=[],
        lease=None,
        lease_until_us=None,
        sent_us=None,
        project_id="",
        model_id="",
        thread=title,
    )
