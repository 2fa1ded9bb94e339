"""The app as it runs, on each engine: a client over ASGI, and a key of each role."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from serving.app import Services
from tests.support.asgi_server import listening
from tests.support.clients import Clients, _logging_as_before, anonymous, app, clients, services
from tests.support.model_days import Model

__all__ = ["_logging_as_before", "anonymous", "app", "clients", "services"]


@pytest.fixture
async def base_url(app: FastAPI) -> AsyncIterator[str]:
    """The app on a real port."""
    async with listening(app) as port:
        yield f"http://127.0.0.1:{port}"


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
