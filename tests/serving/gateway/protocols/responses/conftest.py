"""The app on a real port, servers of both protocols on others, and the official client between."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI
from pydantic import SecretStr

from guard_core.settings import Price, Settings
from guard_core.settings.llm import ProtocolName
from serving.app import Services
from tests.support.responses_upstream import ResponsesUpstream
from tests.support.settings import with_values
from tests.support.upstream import KEY, Upstream, running

PRICE = Price(input=3.0, cached=0.3, output=15.0)


@pytest.fixture
async def responses_server() -> AsyncIterator[ResponsesUpstream]:
    """A server of Responses."""
    upstream = ResponsesUpstream()
    async with running(upstream):
        yield upstream


@pytest.fixture(params=["chat", "responses"])
def protocol(request: pytest.FixtureRequest) -> ProtocolName:
    """Protocol of the server."""
    protocol: ProtocolName = request.param
    return protocol


@pytest.fixture
def upstream(protocol: ProtocolName, chat_server: Upstream, responses_server: ResponsesUpstream) -> Upstream:
    """The server."""
    return chat_server if protocol == "chat" else responses_server


@pytest.fixture
def settings(settings: Settings, upstream: Upstream, protocol: ProtocolName, tmp_path: Path) -> Settings:
    """Settings with the server, and policies that redact or block."""
    path = tmp_path / "policies.yaml"
    rules = {
        action: {"denylist": {"terms": ["Project Bluebird"], "action": action}, "pii": {"ssn": action}}
        for action in ("redact", "block")
    }
    path.write_text(json.dumps({"projects": rules}))
    return with_values(
        settings,
        llm_base_url=upstream.url,
        llm_api_key=SecretStr(KEY),
        llm_protocol=protocol,
        llm_policies=path,
        llm_prices={"stub": PRICE},
        llm_retries=0,
        llm_timeout_s=5,
    )


@pytest.fixture
def url(base_url: str) -> str:
    """Base URL of the app's OpenAI-compatible routes."""
    return f"{base_url}/v1"


@pytest.fixture
async def openai(url: str, services: Services, project: str) -> AsyncIterator[AsyncOpenAI]:
    """The official client with a key of a project without a policy of its own."""
    _, secret = services.keys.create("app", "analyst", project)
    async with AsyncOpenAI(base_url=url, api_key=secret, max_retries=0) as client:
        yield client


@pytest.fixture
async def strict(url: str, services: Services) -> AsyncIterator[dict[str, AsyncOpenAI]]:
    """Clients of projects whose policies redact and block, by that."""
    clients = {}
    for action in ("redact", "block"):
        services.projects.create(action, action)
        _, secret = services.keys.create(action, "analyst", action)
        clients[action] = AsyncOpenAI(base_url=url, api_key=secret, max_retries=0)
    yield clients
    for client in clients.values():
        await client.close()
