"""The health of Dagster over HTTP: webserver, daemons, our code location, and the build of the knowledge base."""

from typing import TYPE_CHECKING, Any

from guard_cli.terminal import CommandError

if TYPE_CHECKING:  # help must not wait for it
    import httpx

_QUERY = """{
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
  workspaceOrError { ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { __typename ... on PythonError { message } }
  } } }
}"""

_KNOWLEDGE_QUERY = """{
  runsOrError(filter: {pipelineName: "knowledge"}, limit: 1) { ... on Runs { results { runId status } } }
  workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { ... on RepositoryLocation {
    repositories { sensors { name sensorState { ticks(limit: 1) { status error { message } } } } }
  } } } } }
}"""


def dagster_is_healthy(client: "httpx.Client", url: str) -> bool:
    """Return whether webserver, daemons and code location run; False while they start.

    Raises
    ------
    CommandError
        If the code of the pipelines cannot be loaded, because waiting would not help.
    """
    import httpx

    try:
        response = client.post(f"{url}/graphql", json={"query": _QUERY})
    except httpx.TransportError:
        return False
    if not response.is_success:
        return False
    data: dict[str, Any] = response.json()["data"]
    locations = data["workspaceOrError"].get("locationEntries", [])
    for location in locations:
        state = location["locationOrLoadError"] or {}
        if state.get("__typename") == "PythonError":
            raise CommandError(f"Dagster cannot load {location['name']}: {state['message'].strip()}")
    loaded = bool(locations) and all(location["loadStatus"] == "LOADED" for location in locations)
    daemons = data["instance"]["daemonHealth"]["allDaemonStatuses"]
    return loaded and all(daemon["healthy"] for daemon in daemons if daemon["required"])


def knowledge_failure(client: "httpx.Client", url: str) -> str | None:
    """Return why the knowledge base cannot be built, or None if nothing has failed."""
    import httpx

    try:
        data: dict[str, Any] = client.post(f"{url}/graphql", json={"query": _KNOWLEDGE_QUERY}).json()["data"]
    except (httpx.TransportError, ValueError, KeyError):
        return None
    for run in data["runsOrError"].get("results", []):
        if run["status"] == "FAILURE":
            return f"the run that should build it failed: {url}/runs/{run['runId']}"
    locations = [entry["locationOrLoadError"] or {} for entry in data["workspaceOrError"].get("locationEntries", [])]
    repositories = [repository for location in locations for repository in location.get("repositories", [])]
    for sensor in (sensor for repository in repositories for sensor in repository["sensors"]):
        for tick in sensor["sensorState"]["ticks"]:
            if sensor["name"] == "sources" and tick["status"] == "FAILURE":
                return f"its sources cannot be looked at: {_reason(tick['error'])}"
    return None


def _reason(error: dict[str, Any]) -> str:
    message: str = (error["cause"] or error)["message"]
    return message.strip()
