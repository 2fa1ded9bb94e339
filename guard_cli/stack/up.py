"""`ml-guard up` and `ml-guard down`: start, watch and stop serving and Dagster on this machine.

The processes are defined in `stack`; starting and stopping one belongs in `processes`.
"""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from guard_cli.database import open_database
from guard_cli.pages import make_link
from guard_cli.serve import DEMO_KEY, address_options, bound_socket, load_settings_with, require_key_if_open
from guard_cli.stack import stack
from guard_cli.stack.processes import is_running
from guard_cli.stack.purge import delete, find_data
from guard_cli.stack.watching import watch
from guard_cli.terminal import CommandError, example, print_answer, print_note
from guard_core.settings import ENV_PREFIX, MLFLOW_HOST, Settings, load_settings

_DECLINED = 1


@click.command(epilog=example("ml-guard up --detach"))
@address_options
@click.option("--detach", is_flag=True, help="Return when everything is healthy.")
def up(host: str | None, port: str | None, workers: str | None, *, detach: bool) -> None:
    """Start the server and Dagster, and wait until they are healthy and the knowledge base answers.

    Without --detach, everything stops when this command ends. Dagster and the MLflow UI are restarted if they exit; with --detach
    the server is, too.
    """
    settings = load_settings_with(host=host, port=port, workers=workers)
    home = settings.storage.home.resolve()
    _require_stopped(settings, home)
    _prepare_database(settings)
    try:
        with _interrupted_by_sigterm():
            stack.make_registry(settings, home)
            processes = stack.start_all(settings, home)
            stack.wait_until_healthy(settings, home)
            print_note("serving and Dagster are up; waiting for the knowledge base")
            if problem := stack.wait_for_knowledge(settings, home):
                print_note(f"the knowledge base: {problem}")
            print_answer(_addresses(settings, home))
            if detach:
                stack.start_watcher(settings, home)
                return
            print_note("Ctrl-C stops everything.")
            watch(settings, home, processes, restarted={process.name for process in processes} - {"serving"})
    except KeyboardInterrupt:
        stack.stop_all(home)
    except BaseException:
        stack.stop_all(home)
        raise


@click.command(epilog=example("ml-guard down", "ml-guard down --purge"))
@click.option("--purge", is_flag=True, help="Also delete all data of the home folder, after you have confirmed it.")
@click.option("--yes", is_flag=True, help="With --purge: do not ask.")
def down(*, purge: bool, yes: bool) -> int:
    """Stop what `up` started, and nothing else.

    With --purge, the exit code is 1 if you do not confirm it.
    """
    settings = load_settings()
    home = settings.storage.home.resolve()
    if not purge:
        _print_stopped(stack.stop_all(home))
        return 0
    data = find_data(settings)
    if not yes and not click.confirm(f"Stop everything, and delete {data}?", err=True):
        print_answer("nothing was stopped or deleted")
        return _DECLINED
    _print_stopped(stack.stop_all(home))
    with bound_socket(settings.server.host, settings.server.port):
        delete(data)  # while the port is held: no server that somebody else started uses the data
    print_answer(f"deleted {data}")
    return 0


def _print_stopped(names: Sequence[str]) -> None:
    print_answer(f"stopped {', '.join(names)}" if names else "nothing was up")


def _require_stopped(settings: Settings, home: Path) -> None:
    if any(is_running(process) for process in stack.recorded(home)):
        raise CommandError(f"it is up already (see {stack.record_path(home)}); stop it with `ml-guard down`")
    addresses = [
        (settings.server.host, settings.server.port, "PORT"),
        (settings.dagster.host, settings.dagster.port, "DAGSTER_PORT"),
    ]
    if settings.storage.has_mlflow_ui:
        addresses.append((MLFLOW_HOST, settings.storage.mlflow_port, "MLFLOW_PORT"))
    for host, port, setting in addresses:
        with bound_socket(host, port, f"{ENV_PREFIX}{setting}"):
            pass  # only bound and released, so that a taken port is reported before anything starts


def _prepare_database(settings: Settings) -> None:
    from guard_store.auth.store import KeyStore
    from serving.http.limits.addresses import is_loopback

    with open_database(settings) as database:
        keys = KeyStore(database)
        if is_loopback(settings.server.host) and not keys.count():
            keys.create("demo", "admin", secret=DEMO_KEY)
            print_note(f"made the admin key {DEMO_KEY!r}: for this machine only")
        require_key_if_open(settings.server.host, keys)


def _addresses(settings: Settings, home: Path) -> str:
    """Return the addresses, with a link that signs in to the pages if only this machine reaches them."""
    from serving.http.limits.addresses import is_loopback

    pages = settings.server.public_address
    if is_loopback(settings.server.host):
        with open_database(settings) as database:
            pages = make_link(settings, database)
    return f"Pages    {pages}\n{stack.addresses(settings, home)}"


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
