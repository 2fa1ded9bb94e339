"""The app as it runs, on each engine: a client over ASGI, and a key of each role."""

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from guard_core.logging import JsonFormatter
from guard_core.settings import Settings
from serving.app import Services, create_app
from tests.support.clients import Clients
from tests.support.model_days import Model


class StderrNow:
    """Whatever stderr is when something is written: pytest changes it between a test's set-up and the test."""

    def write(self, text: str) -> None:
        """Write to it."""
        sys.stderr.write(text)

    def flush(self) -> None:
        """Flush it."""
        sys.stderr.flush()


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    """The app sends all logs to a handler of its own; what pytest had comes back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()  # the app would close them
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
async def app(settings: Settings, _logging_as_before: None) -> AsyncIterator[FastAPI]:
    """The app, its lifespan begun."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        for handler in logging.getLogger().handlers:
            if isinstance(handler.formatter, JsonFormatter) and isinstance(handler, logging.StreamHandler):
                handler.setStream(StderrNow())
        yield app


@pytest.fixture
def services(app: FastAPI) -> Services:
    """What the app's routes work with."""
    services: Services = app.state.services
    return services


@pytest.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://guard") as client:
        yield client


@pytest.fixture
async def base_url(app: FastAPI) -> AsyncIterator[str]:
    """The app on a real port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await task


@pytest.fixture
async def clients(app: FastAPI, services: Services) -> AsyncIterator[Clients]:
    """Makes clients with keys."""
    clients = Clients(app, services, [])
    yield clients
    for client in clients.opened:
        await client.aclose()


@pytest.fixture
def admin(clients: Clients) -> httpx.AsyncClient:
    """A client with an admin key of all projects."""
    return clients.of("admin")


@pytest.fixture
def analyst(clients: Clients) -> httpx.AsyncClient:
    """A client with an analyst key of all projects."""
    return clients.of("analyst")


@pytest.fixture
def project(services: Services) -> str:
    """Id of a project in New York."""
    return services.projects.create("flights", "Flights", "America/New_York").id


@pytest.fixture
def model(services: Services, analyst: httpx.AsyncClient, project: str) -> Model:
    """A model of the project, without events so far."""
    return Model(services, analyst, project)
