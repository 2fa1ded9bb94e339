"""Settings without a database to speak of, and a running service."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guard_core.settings import Settings
from serving.assistant.knowledge.service import KnowledgeService
from tests.support.settings import settings_of


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Defaults with a home of this test."""
    return settings_of(home=tmp_path / "home")


@pytest.fixture
async def knowledge(settings: Settings) -> AsyncIterator[KnowledgeService]:
    """The service, looking often."""
    service = KnowledgeService(settings, poll_s=0.05)
    await service.start()
    yield service
    await service.stop()
