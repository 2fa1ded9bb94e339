"""The app on a real port, two upstreams on others, and the official client between."""

from collections.abc import AsyncIterator

import pytest
from openai import AsyncOpenAI
from pydantic import SecretStr

from guard_core.settings import Fallback, Price, Settings
from serving.app import Services
from tests.support.settings import with_values
from tests.support.upstream import KEY, Upstream, running

PRICE = Price(input=3.0, cached=0.3, output=15.0)
MODELS = ("stub", "stub-cached", "stub-continuous", "stub-silent", "stub-breaks", "spare")


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """The first server."""
    async with running(Upstream()) as upstream:
        yield upstream


@pytest.fixture
async def spare() -> AsyncIterator[Upstream]:
    """The one that is asked where the first fails."""
    async with running(Upstream()) as spare:
        yield spare


@pytest.fixture
def settings(settings: Settings, upstream: Upstream, spare: Upstream) -> Settings:
    """Settings with both."""
    return with_values(
        settings,
        llm_base_url=upstream.url,
        llm_api_key=SecretStr(KEY),
        llm_fallbacks=(Fallback(base_url=spare.url, api_key=SecretStr(KEY), model="spare"),),
        llm_prices=dict.fromkeys(MODELS, PRICE),
        llm_retries=1,
        llm_timeout_s=5,
    )


@pytest.fixture
def url(base_url: str) -> str:
    """Base URL of the app's OpenAI-compatible routes."""
    return f"{base_url}/v1"


@pytest.fixture
async def openai(url: str, services: Services, project: str) -> AsyncIterator[AsyncOpenAI]:
    """The official client with a key of the project."""
    _, secret = services.keys.create("app", "analyst", project)
    async with AsyncOpenAI(base_url=url, api_key=secret, max_retries=0) as client:
        yield client
