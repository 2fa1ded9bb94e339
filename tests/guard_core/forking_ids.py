"""Make ids in a process and in forks of it, and print them: a process of its own, because a fork of one with threads may hang."""

import os

from guard_core.ids import new_event_ids, new_id

_FORKS = 2


def make_ids() -> list[str]:
    """Make an id of each kind."""
    return [new_id(), *(event_id[-12:] for event_id in new_event_ids(1))]


def main() -> None:
    """Print a line of ids of this process, one of each fork, and one of this process again."""
    _print_ids()
    for _ in range(_FORKS):
        pid = os.fork()
        if pid == 0:
            _print_ids()
            os._exit(0)
        os.waitpid(pid, 0)
    _print_ids()


def _print_ids() -> None:
    os.write(1, f"{' '.join(make_ids())}\n".encode())  # nothing stays in a buffer that a fork would print again


if __name__ == "__main__":
    main()
