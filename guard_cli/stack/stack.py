"""The processes of `ml-guard up` (serving, Dagster, MLflow's pages): their commands, environment and health, and their record in the home folder.

Checks of Dagster belong in `dagster_health`; starting and stopping one process, in `processes`.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import BaseModel, SecretStr

from guard_cli.stack.dagster_health import dagster_is_healthy, knowledge_failure
from guard_cli.stack.processes import ProcessGroup, is_running, start, stop
from guard_cli.terminal import CommandError
from guard_core.settings import MLFLOW_HOST, Settings, reachable_url, variables_of

if TYPE_CHECKING:  # help must not wait for it
    import httpx

WATCHER = "watcher"
"""Name of the process that watches the others."""
_WATCHER_COMMAND = [sys.executable, "-m", "guard_cli.stack.watching"]
_ROOT = Path(__file__).resolve().parents[2]  # of the checkout, or of the installed packages
_DAGSTER_FILES = _ROOT / "guard_pipelines"
_HEALTHY_WITHIN_S = 120
_KNOWLEDGE_WITHIN_S = 120
_STOP_WITHIN_S = 20
_POLL_S = 0.25
_KNOWLEDGE_POLL_S = 1  # the query is not cheap, and competes for the processor with the build that it waits for
_REQUEST_TIMEOUT_S = 10
_DAGSTER_LOG = ("--log-level", "warning", "--log-format", "json")  # a line for each tick is 20 MB a day
_LOG_LINES_SHOWN = 15
_MLFLOW_ENV = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # evaluation jobs: eight more processes of 250 MB each
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def make_registry(settings: Settings, home: Path) -> None:
    """Make the registry's tables in a new SQLite file: MLflow's processes that start together would all make them, and fail.

    Raises
    ------
    CommandError
        If MLflow cannot make them; the message includes the end of its log.
    """
    uri = settings.storage.mlflow
    path = Path(uri.removeprefix("sqlite:///"))
    if not uri.startswith("sqlite:///") or path.exists():
        return
    unfinished = path.with_name(f"{path.name}.new")
    (home / "logs").mkdir(parents=True, exist_ok=True)
    with (home / "logs" / "mlflow.log").open("ab") as log:
        command = [sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{unfinished}"]
        done = subprocess.run(command, env={**os.environ, **_MLFLOW_ENV}, stdout=log, stderr=log, check=False)  # noqa: S603
    if done.returncode:
        raise CommandError(_with_log(home, "mlflow", "could not make the tables of the registry"))
    unfinished.replace(path)  # a process that is killed leaves no partial file


def start_all(settings: Settings, home: Path) -> list[ProcessGroup]:
    """Start serving, Dagster and MLflow's pages, and record their processes."""
    started: list[ProcessGroup] = []
    for name in _commands(settings):
        started.append(start_one(settings, home, name))
        record(home, started)
    return started


def start_watcher(settings: Settings, home: Path) -> None:
    """Start the process that watches the others, and record it before them: it is stopped first."""
    others = recorded(home)
    record(home, [start_one(settings, home, WATCHER), *others])


def start_one(settings: Settings, home: Path, name: str) -> ProcessGroup:
    """Start one of the processes."""
    (home / "logs").mkdir(parents=True, exist_ok=True)
    command = _WATCHER_COMMAND if name == WATCHER else _commands(settings)[name]
    return start(
        name, command, env=prepare_environment(settings, home), folder=_ROOT, log=home / "logs" / f"{name}.log"
    )


def record(home: Path, processes: Sequence[ProcessGroup]) -> None:
    """Record the processes that run for this home folder; the file is replaced as a whole."""
    path = record_path(home)
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.write_bytes(msgspec.json.encode(processes))
    unfinished.replace(path)


def wait_until_healthy(settings: Settings, home: Path) -> None:
    """Wait until all processes are healthy.

    Raises
    ------
    CommandError
        If a process ends or takes too long; the message includes the end of its log.
    """
    import httpx

    with httpx.Client(timeout=_REQUEST_TIMEOUT_S, trust_env=False) as client:
        _wait(
            {
                "serving": lambda: _serving_is_ready(client, _serving_url(settings)),
                "dagster": lambda: dagster_is_healthy(client, _dagster_url(settings)),
            },
            home,
        )


def wait_for_knowledge(settings: Settings, home: Path) -> str | None:
    """Wait until the knowledge base can be queried; return None, or the reason why it cannot (the stack is up anyway).

    Raises
    ------
    CommandError
        If a process ends.
    """
    import httpx

    deadline = time.monotonic() + _KNOWLEDGE_WITHIN_S
    with httpx.Client(timeout=_REQUEST_TIMEOUT_S, trust_env=False) as client:
        while time.monotonic() < deadline:
            _require_running(home)
            state = _readiness(client, _serving_url(settings))
            knowledge, problem = state.get("knowledge", {}), (state.get("degraded") or {}).get("knowledge")
            if knowledge.get("retrieval") in ("hybrid", "lexical") or problem:
                return problem
            if knowledge.get("version") is not None:
                return "its sources have no text that can be read"
            if failure := knowledge_failure(client, _dagster_url(settings)):
                return failure
            time.sleep(_KNOWLEDGE_POLL_S)
    return "it is still being built: /query works once it is ready"


def _require_running(home: Path) -> None:
    for process in recorded(home):
        if not is_running(process):
            raise CommandError(_with_log(home, process.name, "ended while it started"))


def _wait(waiting: Mapping[str, Callable[[], bool]], home: Path) -> None:
    deadline = time.monotonic() + _HEALTHY_WITHIN_S
    while waiting:
        _require_running(home)
        waiting = {name: is_healthy for name, is_healthy in waiting.items() if not is_healthy()}
        if waiting and time.monotonic() > deadline:
            raise CommandError(_with_log(home, next(iter(waiting)), f"was not healthy within {_HEALTHY_WITHIN_S} s"))
        if waiting:
            time.sleep(_POLL_S)


def stop_all(home: Path) -> list[str]:
    """Stop the recorded processes that are running, remove the record, and return the names of the stopped ones."""
    running = [process for process in recorded(home) if is_running(process)]
    stop(running, timeout_s=_STOP_WITHIN_S)
    record_path(home).unlink(missing_ok=True)
    return [process.name for process in running]


def recorded(home: Path) -> list[ProcessGroup]:
    """Return the processes that were started for this home folder, running or not."""
    try:
        return msgspec.json.decode(record_path(home).read_bytes(), type=list[ProcessGroup])
    except FileNotFoundError:
        return []


def record_path(home: Path) -> Path:
    """Return the path of the file that records the started processes."""
    return home / "up.json"


def addresses(settings: Settings, home: Path) -> str:
    """Return the addresses of the servers and the folder of the logs, one a line."""
    lines = [f"API      {_serving_url(settings)}", f"Dagster  {_dagster_url(settings)}"]
    if settings.storage.has_mlflow_ui:
        lines.append(f"MLflow   {settings.storage.mlflow_ui_url} (ready in some seconds)")
    return "\n".join([*lines, f"Logs     {home / 'logs'}"])


def log_tail(home: Path, name: str) -> str:
    """Return the last lines of a process's log."""
    lines = (home / "logs" / f"{name}.log").read_text(errors="replace").splitlines()
    return "\n".join(lines[-_LOG_LINES_SHOWN:])


def _commands(settings: Settings) -> dict[str, list[str]]:
    workspace = ["-w", str(_DAGSTER_FILES / "workspace.yaml")]
    address = ["-h", settings.dagster.host, "-p", str(settings.dagster.port)]
    commands = {
        "serving": [sys.executable, "-m", "guard_cli.main", "serve"],
        "dagster": [sys.executable, "-m", "dagster", "dev", *workspace, *address, *_DAGSTER_LOG],
    }
    return {**commands, "mlflow": _mlflow_command(settings)} if settings.storage.has_mlflow_ui else commands


def _mlflow_command(settings: Settings) -> list[str]:
    """Return the command of MLflow's pages; with a low priority, because nothing waits for them."""
    storage = settings.storage
    server = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--no-serve-artifacts"]
    store = ["--backend-store-uri", storage.mlflow, "--default-artifact-root", str(storage.mlflow_artifacts)]
    return ["nice", "-n", "10", *server, *store, "--host", MLFLOW_HOST, "--port", str(storage.mlflow_port)]


def prepare_environment(settings: Settings, home: Path) -> dict[str, str]:
    """Prepare the home folder of Dagster, and return the environment of the processes."""
    dagster_home = home / "dagster"
    welcome_state = dagster_home / ".nux" / "nux.yaml"
    welcome_state.parent.mkdir(parents=True, exist_ok=True)
    welcome_state.write_text("seen: 1\n")  # suppresses the welcome dialogue of the web UI
    shutil.copyfile(_DAGSTER_FILES / "dagster.yaml", dagster_home / "dagster.yaml")
    # The processes run in the folder of the repository, wherever this command was called. All settings are passed in the
    # environment, with absolute paths: a .env file there must not change them, and relative paths would point elsewhere.
    storage = {
        "home": home,
        "lake_url": settings.storage.lake,
        "database_url": SecretStr(settings.storage.database),
    }
    policies = settings.llm.policies and settings.llm.policies.resolve()
    resolved = settings.model_copy(
        update={
            "storage": settings.storage.model_copy(update=storage),
            "knowledge": settings.knowledge.model_copy(update={"url": settings.knowledge.location}),
            "llm": settings.llm.model_copy(update={"policies": policies}),
        }
    )
    values = {variable.name: variable.value_in(resolved) for variable in variables_of(Settings)}
    variables = {name: _text(value) for name, value in values.items() if value is not None}
    return {**_MLFLOW_ENV, **os.environ, **variables, "DAGSTER_HOME": str(dagster_home)}


def _text(value: object) -> str:
    """Return a setting as the text of its environment variable."""
    if isinstance(value, tuple | dict):
        return json.dumps(value, default=_plain)
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, BaseModel) else _text(value)


def _serving_url(settings: Settings) -> str:
    return reachable_url(settings.server.host, settings.server.port)


def _dagster_url(settings: Settings) -> str:
    return reachable_url(settings.dagster.host, settings.dagster.port)


def _serving_is_ready(client: "httpx.Client", url: str) -> bool:
    return bool(_readiness(client, url))


def _readiness(client: "httpx.Client", url: str) -> dict[str, Any]:
    """Return the answer of `/readyz`; empty if serving is not ready."""
    import httpx

    try:
        response = client.get(f"{url}/readyz")
    except httpx.TransportError:
        return {}
    state: dict[str, Any] = response.json() if response.is_success else {}
    return state


def _with_log(home: Path, name: str, what: str) -> str:
    return f"{name} {what}; the end of {home / 'logs' / name}.log:\n{log_tail(home, name)}"
