"""The app with the sample knowledge base and a server of language models, and a key of a project that evaluates answers."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from guard_core.settings import Settings
from serving.app import Services
from tests.support.clients import Clients
from tests.support.gateway import POLICY
from tests.support.sample_knowledge import store_sample
from tests.support.settings import with_values
from tests.support.upstream import Upstream, running, with_stub


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """The server of language models."""
    async with running(Upstream()) as upstream:
        yield upstream


@pytest.fixture
def settings(settings: Settings, upstream: Upstream, tmp_path: Path) -> Settings:
    """Settings with it, a policy that redacts and blocks, and a knowledge base."""
    store_sample(settings)
    policies = tmp_path / "policies.yaml"
    policies.write_text(POLICY)
    return with_values(with_stub(settings, upstream), llm_policies=policies, key_cache_s=0)


@pytest.fixture
def evaluated(services: Services, project: str) -> str:
    """A project whose answers are all evaluated."""
    services.projects.update(project, settings={"evaluation": {"share": 1.0}})
    return project


@pytest.fixture
def caller(clients: Clients, project: str) -> httpx.AsyncClient:
    """An app of the project."""
    return clients.of("analyst", project)
