"""The app with the sample knowledge base in its lake."""

from collections.abc import AsyncIterator

import pytest

from guard_core.settings import Settings
from tests.support.assistant import GOOD
from tests.support.sample_knowledge import store_sample
from tests.support.upstream import Upstream, running, with_stub


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
    return with_stub(settings, upstream)
