"""`ml-guard serve`: run the server in one process or several.

Checks before the start belong here: a free port, valid files, and keys if other machines can reach the address. The app itself
is built in `serving.app`.
"""

import errno
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

import click

from guard_cli.database import open_database
from guard_cli.terminal import CommandError, example
from guard_core.settings import ENV_PREFIX, Settings, load_settings

if TYPE_CHECKING:  # help must not wait for SQLAlchemy and the server's modules
    from fastapi import FastAPI

    from guard_store.auth.store import KeyStore

DEMO_KEY = "demo-key"
_Command = TypeVar("_Command", bound=Callable[..., object])
_STOP_S = 10
_WORKER_SILENT_S = 15  # workers that are busy with large batches must count as alive; some killed ones are detected only after this time


def address_options(command: _Command) -> _Command:
    """Add to a command the options that override the address and the number of processes of the server."""
    workers = click.option("--workers", help="Number of server processes.")
    port = click.option("--port", help="Port of the server.")
    return click.option("--host", help="Address to bind to.")(port(workers(command)))


def load_settings_with(**overrides: str | None) -> Settings:
    """Load the settings with overrides, which are set in the environment so that processes that we start use them too.

    Raises
    ------
    SettingsError
        If a setting is wrong.
    """
    for name, value in overrides.items():
        if value is not None:
            os.environ[f"{ENV_PREFIX}{name.upper()}"] = value
    return load_settings()


@click.command(epilog=example("ml-guard serve --port 8080 --workers 2"))
@address_options
def serve(host: str | None, port: str | None, workers: str | None) -> int:
    """Run the server until it is stopped."""
    return _run_server(load_settings_with(host=host, port=port, workers=workers))


def _run_server(settings: Settings) -> int:
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from guard_core.logging import configure_logging
    from guard_store.auth.store import KeyStore
    from serving.runtime.http_protocol import GuardedProtocol

    configure_logging(settings.server.log_level)
    check_files(settings)
    with open_database(settings) as database:
        require_key_if_open(settings.server.host, KeyStore(database))
    with bound_socket(settings.server.host, settings.server.port) as listener, _metrics_of_workers(settings):
        config = uvicorn.Config(
            "guard_cli.serve:app_of_process",
            factory=True,
            host=settings.server.host,
            port=settings.server.port,
            workers=settings.server.workers,
            loop="serving.runtime.accepting_loop:AcceptingLoop",
            http=GuardedProtocol,
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,  # our own handling trusts only ML_GUARD_TRUSTED_PROXIES
            timeout_graceful_shutdown=_STOP_S,
            timeout_worker_healthcheck=_WORKER_SILENT_S,
        )
        if settings.server.workers > 1:
            Multiprocess(config, sockets=[listener]).run()
            return 0
        server = uvicorn.Server(config)
        server.run(sockets=[listener])
        return 0 if server.started else 3


def check_files(settings: Settings) -> None:
    """Read the files that each worker will read, so that a mistake is reported once, in one line.

    Raises
    ------
    CommandError, SettingsError
        If a file or a secret is invalid; the message names its setting.
    """
    from guard_store.ledger.checkpoints import load_signer
    from serving.alerts.routes import senders
    from serving.alerts.senders.base import RouteError
    from serving.gateway.policy.book import PolicyBook, PolicyError
    from serving.gateway.prompts.book import PromptBook, default_folder
    from serving.gateway.prompts.template import PromptError
    from serving.http import tracing

    load_signer(settings)
    tracing.check(settings)
    try:
        PromptBook.load(default_folder())
        PolicyBook(settings.llm.policies)
        senders(settings)
    except PromptError as error:
        raise CommandError(f"prompts: {error}") from None
    except PolicyError as error:
        raise CommandError(f"ML_GUARD_LLM_POLICIES: {error}") from None
    except RouteError as error:
        raise CommandError(f"ML_GUARD_ALERT_ROUTES: {error}") from None


def app_of_process() -> "FastAPI":
    """Build the app of a server process; a worker terminates when its parent process has ended, however that ended."""
    from serving.runtime.interpreter import tune_interpreter

    parent = parent_process()
    if parent is not None:
        Thread(target=_terminate_with, args=(parent,), name="parent-watch", daemon=True).start()
    tune_interpreter()
    # Imported here: it creates the metrics, which need PROMETHEUS_MULTIPROC_DIR to be set.
    from serving.app import create_app

    return create_app()


def _terminate_with(parent: BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)  # a graceful stop, which stores the queued rows first


def require_key_if_open(host: str, keys: "KeyStore") -> None:
    """Check the keys of a server that other machines can reach.

    Raises
    ------
    CommandError
        If there is no admin key, or the demo's public key is not revoked; the message includes the command that helps.
    """
    from serving.http.limits.addresses import is_loopback

    if not is_loopback(host) and not keys.has_admin():
        raise CommandError(
            f"{host} is open to other machines and there is no admin key yet:"
            " make one with `ml-guard keys create first --role admin`, or bind to 127.0.0.1"
        )
    demo = None if is_loopback(host) else keys.find(DEMO_KEY)
    if demo is not None and demo.revoked_us is None:
        raise CommandError(
            f"{host} is open to other machines and everyone knows the key {DEMO_KEY!r}:"
            f" revoke it with `ml-guard keys revoke {demo.id}`, or bind to 127.0.0.1"
        )


@contextmanager
def bound_socket(host: str, port: int, port_setting: str = f"{ENV_PREFIX}PORT") -> Iterator[socket.socket]:
    """Bind a socket to the address, and close it on exit.

    Raises
    ------
    CommandError
        If the port is taken, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CommandError(f"port {port} is taken: stop what listens there, or set {port_setting}") from None
            raise CommandError(f"cannot bind to {host}:{port}: {error.strerror or error}") from None
        listener.set_inheritable(True)
        yield listener


@contextmanager
def _metrics_of_workers(settings: Settings) -> Iterator[None]:
    # Must be set before prometheus_client is imported, and before the workers start, which inherit it.
    if settings.server.workers == 1:
        os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
        yield
        return
    folder = settings.storage.home.resolve() / f"metrics-{settings.server.port}"
    shutil.rmtree(folder, ignore_errors=True)  # we have bound the port, so no other server uses the folder
    folder.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
