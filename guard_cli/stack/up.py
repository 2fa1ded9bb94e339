"""`ml-guard up` and `ml-guard down`: serving and Dagster on this machine, started, watched and stopped together.

What the processes are is in `stack`; how processes are started and stopped in `processes`.
"""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from guard_cli.serve import DEMO_KEY, bound_socket, require_key_if_open
from guard_cli.stack import stack
from guard_cli.stack.processes import Started, is_running
from guard_cli.terminal import CommandError, remark, say
from guard_core.settings import ENV_PREFIX, Settings
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from serving.http.limits.addresses import is_loopback

_POLL_S = 0.25


def up(settings: Settings, *, detach: bool) -> int:
    """Start everything, wait until it is healthy and the knowledge base answers, and stay with it unless told not to.

    Raises
    ------
    CommandError
        Where it is up already, a port is taken, or a process does not become healthy.
    """
    home = settings.storage.home.resolve()
    stack.require_checkout()
    if any(is_running(process) for process in stack.recorded(home)):
        raise CommandError(f"it is up already (see {stack.record_path(home)}); stop it with `ml-guard down`")
    for host, port, setting in (
        (settings.server.host, settings.server.port, "PORT"),
        (settings.dagster.host, settings.dagster.port, "DAGSTER_PORT"),
    ):
        with bound_socket(host, port, f"{ENV_PREFIX}{setting}"):
            pass  # bound and left: only to say at once that the port is taken
    _prepare_database(settings)
    try:
        with _interrupted_by_sigterm():
            started = stack.start_all(settings, home)
            stack.wait_until_healthy(settings, home)
            remark("serving and Dagster are up; waiting for the knowledge base")
            if why := stack.wait_for_knowledge(settings, home):
                remark(f"the knowledge base: {why}")
            say(stack.addresses(settings, home))
            if detach:
                return 0
            remark("Ctrl-C stops everything.")
            _watch(home, started)
    except KeyboardInterrupt:
        stack.stop_all(home)
        return 0
    except BaseException:
        stack.stop_all(home)
        raise
    return 0


def down(settings: Settings) -> int:
    """Stop exactly what `up` started."""
    stopped = stack.stop_all(settings.storage.home.resolve())
    say(f"stopped {' and '.join(stopped)}" if stopped else "nothing was up")
    return 0


def _prepare_database(settings: Settings) -> None:
    database = Database(settings.storage.database)
    try:
        migrate(database)
        keys = KeyStore(database)
        if is_loopback(settings.server.host) and not keys.count():
            keys.create("demo", "admin", secret=DEMO_KEY)
            remark(f"made the admin key {DEMO_KEY!r}: for this machine only")
        require_key_if_open(settings.server.host, keys)
    finally:
        database.close()


def _watch(home: Path, started: Sequence[Started]) -> None:
    while True:
        for process in started:
            if not is_running(process):
                raise CommandError(f"{process.name} ended; the end of its log:\n{stack.log_tail(home, process.name)}")
        time.sleep(_POLL_S)


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
