"""Watches the processes of the stack, and starts again what has ended, after pauses that grow while it keeps ending.

`ml-guard up --detach` leaves this module running as a process of its own; without `--detach` the command itself watches.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from guard_cli.stack import stack
from guard_cli.stack.logs import rotate
from guard_cli.stack.processes import ProcessGroup, is_running
from guard_cli.terminal import CommandError, print_note
from guard_core.settings import Settings, load_settings

_POLL_S = 0.25
_ROTATION_S = 60.0
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_STEADY_S = 300.0  # a process that has run for this long begins with the first pause again


@dataclass(slots=True)
class _Watched:
    """A process, how often in a row it has ended soon, and when it is started again (None while it runs)."""

    process: ProcessGroup
    started_at: float = field(default_factory=time.monotonic)
    ends: int = 0
    due_at: float | None = None

    def plan_start(self, now: float) -> float:
        """Plan its next start; return the pause before it."""
        self.ends = 0 if now - self.started_at >= _STEADY_S else self.ends
        pause_s = float(min(_FIRST_PAUSE_S * 2**self.ends, _LONGEST_PAUSE_S))
        self.ends += 1
        self.due_at = now + pause_s
        return pause_s


def watch(settings: Settings, home: Path, processes: Sequence[ProcessGroup], restarted: Collection[str]) -> None:
    """Watch processes, and keep their logs small, until one exits that is not to be restarted.

    Parameters
    ----------
    restarted : names of those that are restarted when they exit.

    Raises
    ------
    CommandError
        When another one exits; the message includes the end of its log.
    """
    all_watched = [_Watched(process) for process in processes]
    rotated_at = 0.0
    while True:
        if time.monotonic() - rotated_at >= _ROTATION_S:
            rotate(home / "logs")
            rotated_at = time.monotonic()
        for watched in all_watched:
            if _check(watched, settings, home, restarted):
                stack.record(home, [one.process for one in all_watched])
        time.sleep(_POLL_S)


def _check(watched: _Watched, settings: Settings, home: Path, restarted: Collection[str]) -> bool:
    """Check one process; return whether it was restarted."""
    name, now = watched.process.name, time.monotonic()
    if watched.due_at is None:
        if is_running(watched.process):
            return False
        if name not in restarted:
            raise CommandError(f"{name} ended; the end of its log:\n{stack.log_tail(home, name)}")
        pause_s = watched.plan_start(now)
        print_note(f"{name} ended, and is started again in {pause_s:g} s: see {home / 'logs' / name}.log")
    elif now >= watched.due_at:
        watched.process, watched.started_at, watched.due_at = stack.start_one(settings, home, name), now, None
        return True
    return False


def main() -> None:
    """Watch the recorded processes, all of which are started again, until this process is stopped."""
    settings = load_settings()
    home = settings.storage.home.resolve()
    processes = stack.recorded(home)
    watch(settings, home, processes, restarted={process.name for process in processes} - {stack.WATCHER})


if __name__ == "__main__":
    main()
