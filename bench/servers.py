"""Start the servers under test: free ports, an environment without the caller's settings, waiting until a server is ready."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

_START_S = 120


def free_ports(number: int) -> list[int]:
    """Return ports that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def environment(*excluded_prefixes: str) -> dict[str, str]:
    """Return the environment without our settings, and without variables that begin with one of the given prefixes."""
    prefixes = ("ML_GUARD_", *excluded_prefixes)
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


@contextmanager
def process(command: list[str], env: Mapping[str, str], log: Path, ready: str) -> Iterator[int]:
    """Run a server in a new process group; yield its process id as soon as the URL `ready` answers."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=dict(env), stdout=output, stderr=output, start_new_session=True)
    try:
        deadline = time.monotonic() + _START_S
        while not _answers(ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[:4]} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.2)
        yield process.pid
    finally:
        with suppress(ProcessLookupError):  # it has already ended; the error above includes its log
            os.killpg(process.pid, 15)
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False
