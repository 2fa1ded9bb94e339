"""Process groups that outlive the command that starts them: start, identify and stop them with their children."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLL_S = 0.1
_children: dict[int, subprocess.Popen[bytes]] = {}  # of this process, which must reap them when they end


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """A process that we started, with its children; `started` distinguishes it from a later process with the same id."""

    name: str
    pid: int
    started: str


def start(name: str, command: Sequence[str], *, env: Mapping[str, str], folder: Path, log: Path) -> ProcessGroup:
    """Start a process in a new session, with its output appended to a log file."""
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
    return ProcessGroup(name, process.pid, _start_time(process.pid) or "")


def is_running(process: ProcessGroup) -> bool:
    """Return whether the process is still running, and is the one that we started."""
    if child := _children.get(process.pid):
        child.poll()
    started = _start_time(process.pid)
    return started is not None and started == process.started


def stop(processes: Sequence[ProcessGroup], *, timeout_s: float) -> None:
    """Terminate all process groups, and kill those that have not ended within `timeout_s`."""
    running = [process for process in processes if is_running(process)]
    for process in running:
        _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and any(is_running(process) for process in running):
        time.sleep(_POLL_S)
    for process in running:
        _signal(process, signal.SIGKILL)  # also children that outlived their parent: they are still in its group
        if child := _children.get(process.pid):
            child.wait()


def _signal(process: ProcessGroup, number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return  # the group has ended; macOS denies permission for a group of zombies


def _start_time(pid: int) -> str | None:
    """Return the start time of a running process in the system's format, or None if no process has this id."""
    try:
        # After the name of the command, which may contain anything, the state is field 0 and the start time field 19.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    fields = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split(maxsplit=1)  # noqa: S603
    return fields[1].strip() if len(fields) == 2 and not fields[0].startswith("Z") else None
