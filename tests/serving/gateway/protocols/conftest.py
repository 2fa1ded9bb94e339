"""A server that speaks chat completions, to which all protocols are translated."""

from collections.abc import AsyncIterator

import pytest

from tests.support.upstream import Upstream, running


@pytest.fixture
async def chat_server() -> AsyncIterator[Upstream]:
    """A server of chat completions."""
    async with running(Upstream()) as upstream:
        yield upstream
