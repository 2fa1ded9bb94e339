"""Real `ml-guard` processes for tests: started on a free port, watched, always ended."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.paths import ROOT

_PATIENCE_S = 60

# Each request on a new connection, so that any worker may answer.
http = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), trust_env=False, timeout=_PATIENCE_S)


def free_port() -> int:
    """Return a port on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(home: Path, **settings: object) -> dict[str, str]:
    """Return the environment of a process with these settings of ML Guard and no others; by default without MLflow's pages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ML_GUARD_", "DAGSTER_"))}
    given = {f"ML_GUARD_{name.upper()}": str(value) for name, value in settings.items()}
    return {**kept, "ML_GUARD_HOME": str(home), "ML_GUARD_MLFLOW_UI": "false", "PYTHONPATH": str(ROOT), **given}


def ml_guard(*arguments: str, env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "guard_cli.main", *arguments]
    return subprocess.run(
        command, env=dict(env), cwd=cwd, capture_output=True, text=True, check=False, timeout=_PATIENCE_S * 3
    )


@dataclass
class Server:
    """A running `ml-guard serve`."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def lines(self) -> list[str]:
        """Read the lines of its log."""
        return self.log.read_text().splitlines()


@contextmanager
def serving(home: Path, **settings: object) -> Iterator[Server]:
    """Run a server until it is ready; end it with SIGTERM, and its group with SIGKILL if it outlives that."""
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    log = home / "serve.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "guard_cli.main", "serve"],
            env=environment(home, port=port, **settings),
            cwd=home,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(process, f"http://127.0.0.1:{port}", log)
    try:
        wait_until(lambda: _is_ready(server), "ready", 3 * _PATIENCE_S)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise


def wait_until(condition: object, what: str, patience_s: float = _PATIENCE_S) -> None:
    """Return as soon as a condition holds; fail after the patience."""
    deadline = time.monotonic() + patience_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"not {what}"
        time.sleep(0.1)


def _is_ready(server: Server) -> bool:
    assert server.process.poll() is None, f"the server ended:\n{server.log.read_text()}"
    try:
        return http.get(f"{server.url}/readyz").is_success
    except httpx.TransportError:
        return False
