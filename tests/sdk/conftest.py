"""A misbehaving API on a real socket, and a client for it."""

import threading
from collections.abc import Iterator

import pytest
from ml_guard import MLGuardClient

from tests.sdk.api_double import ApiDouble

API_KEY = "secret-key-never-shown"


@pytest.fixture
def api() -> Iterator[ApiDouble]:
    with ApiDouble() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(api: ApiDouble) -> Iterator[MLGuardClient]:
    with MLGuardClient(base_url=api.url, api_key=API_KEY, timeout_s=5) as client:
        yield client
