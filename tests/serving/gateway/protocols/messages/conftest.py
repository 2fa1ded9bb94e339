"""The app on a real port, a server that speaks Messages or chat completions on another, and the official clients between."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic import SecretStr

from guard_core.settings import Price, Settings
from serving.app import Services
from tests.support.gateway import POLICY
from tests.support.messages_upstream import MessagesUpstream
from tests.support.settings import with_values
from tests.support.upstream import KEY, Upstream, running

PRICE = Price(input=3.0, cached=0.3, output=15.0)


@pytest.fixture
async def server() -> AsyncIterator[MessagesUpstream]:
    """A server that speaks Messages."""
    async with running(MessagesUpstream()) as server:
        yield server


@pytest.fixture
def speaks() -> str:
    """The protocol of the server that the app calls; parametrized by tests."""
    return "messages"


@pytest.fixture
def settings(
    settings: Settings, server: MessagesUpstream, chat_server: Upstream, speaks: str, tmp_path: Path
) -> Settings:
    """Settings with the server that speaks the protocol."""
    policies = tmp_path / "policies.yaml"
    policies.write_text(POLICY)
    return with_values(
        settings,
        llm_base_url=server.url if speaks == "messages" else chat_server.url,
        llm_api_key=SecretStr(KEY),
        llm_protocol=speaks,
        llm_prices={"stub": PRICE},
        llm_retries=0,
        llm_timeout_s=5,
        llm_policies=policies,
    )


@pytest.fixture
async def anthropic(base_url: str, services: Services, project: str) -> AsyncIterator[AsyncAnthropic]:
    """Anthropic's client with a key of the project."""
    _, secret = services.keys.create("app", "analyst", project)
    async with AsyncAnthropic(base_url=base_url, api_key=secret, max_retries=0) as client:
        yield client


@pytest.fixture
async def openai(base_url: str, services: Services, project: str) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's client with a key of the project."""
    _, secret = services.keys.create("openai", "analyst", project)
    async with AsyncOpenAI(base_url=f"{base_url}/v1", api_key=secret, max_retries=0) as client:
        yield client
