"""The app with the sample knowledge base in its lake."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from guard_core.settings import Price, Settings
from tests.support.assistant import GOOD
from tests.support.sample_knowledge import store_sample
from tests.support.settings import with_values
from tests.support.upstream import KEY, Upstream, running


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a lake that holds the sample."""
    store_sample(settings)
    return settings


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """The server of language models."""
    async with running(Upstream(say=GOOD)) as upstream:
        yield upstream


@pytest.fixture
def asking_a_model(settings: Settings, upstream: Upstream) -> Settings:
    """Settings with it."""
    return with_values(
        settings,
        llm_base_url=upstream.url,
        llm_api_key=SecretStr(KEY),
        llm_model="stub",
        llm_prices={"stub": Price(input=3.0, cached=0.3, output=15.0)},
        llm_retries=0,
        llm_timeout_s=5,
    )
