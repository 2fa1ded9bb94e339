"""Processes that outlive the command that started them: written down, recognised again, stopped with their children."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLL_S = 0.1
_children: dict[int, subprocess.Popen[bytes]] = {}  # of this process: they must be waited for when they end


@dataclass(frozen=True, slots=True)
class Started:
    """A process group of ours; `started` tells it from another one that got the same id later."""

    name: str
    pid: int
    started: str


def start(name: str, command: Sequence[str], *, env: Mapping[str, str], folder: Path, log: Path) -> Started:
    """Start a process in a session of its own, with its output appended to a log file."""
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
            command,
            env=dict(env),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[process.pid] = process
    return Started(name, process.pid, _start_time(process.pid) or "")


def is_running(process: Started) -> bool:
    """Whether it is still the process that we started."""
    if child := _children.get(process.pid):
        child.poll()
    started = _start_time(process.pid)
    return started is not None and started == process.started


def stop(processes: Sequence[Started], *, patience_s: float) -> None:
    """Ask all to end, and end those that do not within the time."""
    running = [process for process in processes if is_running(process)]
    for process in running:
        _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and any(is_running(process) for process in running):
        time.sleep(_POLL_S)
    for process in running:
        _signal(process, signal.SIGKILL)  # children that outlived their parent too: the group is still theirs
        if child := _children.get(process.pid):
            child.wait()


def _signal(process: Started, number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return  # the group is gone; macOS says "permission" of a group of zombies


def _start_time(pid: int) -> str | None:
    """When a living process started; None where there is none."""
    try:
        # Behind the command's name, which may hold anything: state is field 0, the start time field 19.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split(maxsplit=1)  # noqa: S603
    return shown[1].strip() if len(shown) == 2 and not shown[0].startswith("Z") else None
