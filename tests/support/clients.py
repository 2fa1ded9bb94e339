"""The app in its lifespan, clients of it over ASGI, each with its own key, and a wait for what the app does in the background."""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI

from guard_core.logging import JsonFormatter
from guard_core.settings import Role, Settings
from serving.app import Services, create_app


@dataclass
class Clients:
    """Clients with a key, each created on request."""

    app: FastAPI
    services: Services
    opened: list[httpx.AsyncClient]

    def of(self, role: Role, project_id: str | None = None) -> httpx.AsyncClient:
        """Return a client with a new key of this role."""
        _, secret = self.services.keys.create(f"{role} of {project_id}", role, project_id)
        return self.with_key(secret)

    def with_key(self, secret: str) -> httpx.AsyncClient:
        """Return a client with this key."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://guard", headers={"X-API-Key": secret}
        )
        self.opened.append(client)
        return client


async def wait_for(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Return as soon as a condition holds; fail after some seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


class _CurrentStderr:
    """The stderr of the moment: pytest replaces it between a test's set-up and the test."""

    def write(self, text: str) -> None:
        """Write to the current stderr."""
        sys.stderr.write(text)

    def flush(self) -> None:
        """Flush the current stderr."""
        sys.stderr.flush()


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    """Put the handlers and the level of the root logger back that the app replaces."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()  # the app would close them
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
async def app(settings: Settings, _logging_as_before: None) -> AsyncIterator[FastAPI]:
    """The app, in its lifespan."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        for handler in logging.getLogger().handlers:
            if isinstance(handler.formatter, JsonFormatter) and isinstance(handler, logging.StreamHandler):
                handler.setStream(_CurrentStderr())
        yield app


@pytest.fixture
def services(app: FastAPI) -> Services:
    """The services of the app's routes."""
    services: Services = app.state.services
    return services


@pytest.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://guard") as client:
        yield client


@pytest.fixture
async def clients(app: FastAPI, services: Services) -> AsyncIterator[Clients]:
    """Clients with keys, closed at the end."""
    clients = Clients(app, services, [])
    yield clients
    for client in clients.opened:
        await client.aclose()
