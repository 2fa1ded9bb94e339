"""`ml-guard serve`: the server's own process or processes, on a port that is free and an address that is safe."""

import errno
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.supervisors import Multiprocess

from guard_cli.terminal import CommandError
from guard_core.logging import configure_logging
from guard_core.settings import ENV_PREFIX, Settings
from guard_store.auth.store import KeyStore
from guard_store.db.database import Database
from guard_store.db.migrate import migrate
from guard_store.ledger.checkpoints import load_signer
from serving.alerts.routes import senders
from serving.alerts.senders.base import RouteError
from serving.gateway.policy.book import PolicyBook, PolicyError
from serving.gateway.prompts.registry import PromptBook, default_folder
from serving.gateway.prompts.template import PromptError
from serving.http import tracing
from serving.http.limits.addresses import is_loopback
from serving.runtime.http_protocol import GuardedProtocol
from serving.runtime.interpreter import tune_interpreter

if TYPE_CHECKING:  # the app's metrics must not be made before the folder that the workers share is known
    from fastapi import FastAPI

DEMO_KEY = "demo-key"
_STOP_S = 10
_WORKER_SILENT_S = (
    15  # a worker busy with large batches is not a dead one; uvicorn waits that long for some killed ones
)


def serve(settings: Settings) -> int:
    """Serve until told to stop.

    Raises
    ------
    CommandError
        Where the port is taken, the address is open to others and there is no admin key, or a prompt, policy or route is wrong.
    SettingsError
        Where the key that signs the ledger is not one.
    """
    configure_logging(settings.server.log_level)
    _check_files(settings)
    database = Database(settings.storage.database)
    try:
        migrate(database)
        require_key_if_open(settings.server.host, KeyStore(database))
    finally:
        database.close()
    with bound_socket(settings.server.host, settings.server.port) as listener, _metrics_of_workers(settings):
        config = uvicorn.Config(
            "guard_cli.serve:app_of_process",
            factory=True,
            host=settings.server.host,
            port=settings.server.port,
            workers=settings.server.workers,
            loop="uvloop",
            http=GuardedProtocol,
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,  # ours believes only ML_GUARD_TRUSTED_PROXIES
            timeout_graceful_shutdown=_STOP_S,
            timeout_worker_healthcheck=_WORKER_SILENT_S,
        )
        if settings.server.workers > 1:
            Multiprocess(config, sockets=[listener]).run()
            return 0
        server = uvicorn.Server(config)
        server.run(sockets=[listener])
        return 0 if server.started else 3


def _check_files(settings: Settings) -> None:
    """Read what each worker reads again: here a mistake is one line."""
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
    """The app of a server process; one of several ends when the process that started it has ended, however that was."""
    parent = parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent,), name="parent-watch", daemon=True).start()
    tune_interpreter()
    from serving.app import create_app

    return create_app()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)  # what waits is stored first


def require_key_if_open(host: str, keys: KeyStore) -> None:
    """Let nobody but this machine in before there is an admin key, or while the key of the demo works.

    Raises
    ------
    CommandError
        With the command that makes one.
    """
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
    """A socket bound to the address, closed at the end.

    Raises
    ------
    CommandError
        Where the port is taken or the address is not ours.
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
    # Set before prometheus_client is imported anywhere, and before the workers start: they inherit it.
    if settings.server.workers == 1:
        os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
        yield
        return
    folder = settings.storage.home.resolve() / f"metrics-{settings.server.port}"
    shutil.rmtree(folder, ignore_errors=True)  # the port is ours by now, so nobody else uses the folder
    folder.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
