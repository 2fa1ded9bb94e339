"""Whether Dagster is well: its webserver answers, its daemons beat, our code location is loaded. Asked over HTTP only."""

from typing import Any

import httpx

from serving.commands.terminal import CommandError

_QUERY = """{
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
  workspaceOrError { ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { __typename ... on PythonError { message } }
  } } }
}"""


def dagster_is_healthy(client: httpx.Client, url: str) -> bool:
    """Whether all of it runs; False while it starts.

    Raises
    ------
    CommandError
        Where the pipelines' code cannot be loaded: waiting would not help.
    """
    try:
        answer = client.post(f"{url}/graphql", json={"query": _QUERY})
    except httpx.TransportError:
        return False
    if not answer.is_success:
        return False
    data: dict[str, Any] = answer.json()["data"]
    locations = data["workspaceOrError"].get("locationEntries", [])
    for location in locations:
        found = location["locationOrLoadError"] or {}
        if found.get("__typename") == "PythonError":
            raise CommandError(f"Dagster cannot load {location['name']}: {found['message'].strip()}")
    loaded = bool(locations) and all(location["loadStatus"] == "LOADED" for location in locations)
    daemons = data["instance"]["daemonHealth"]["allDaemonStatuses"]
    return loaded and all(daemon["healthy"] for daemon in daemons if daemon["required"])
