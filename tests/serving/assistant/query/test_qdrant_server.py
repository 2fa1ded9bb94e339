"""`POST /query` over an index on a Qdrant server: the same answers, clear errors when it fails, and the rest of the API goes on."""

from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr

from guard_core.settings import Settings
from serving.app import Services
from tests.support.assistant import QUESTION, ask
from tests.support.clients import wait_for
from tests.support.qdrant_server import API_KEY, QdrantServer, qdrant_server
from tests.support.settings import with_values

pytestmark = pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection:UserWarning")


@pytest.fixture
def server() -> Iterator[QdrantServer]:
    with qdrant_server() as server:
        yield server


@pytest.fixture
def api_key() -> str:
    """The key of the settings; a test may ask for another."""
    return API_KEY


@pytest.fixture
def settings(settings: Settings, server: QdrantServer, api_key: str) -> Settings:
    """Settings that name the server."""
    return with_values(settings, knowledge_qdrant_url=server.url, knowledge_qdrant_api_key=SecretStr(api_key))


async def test_an_answer_comes_from_the_index_of_the_server(anonymous: httpx.AsyncClient, server: QdrantServer) -> None:
    result = await ask(anonymous, QUESTION)
    assert "72 hours" in result["answer"]
    assert (result["retrieval"], result["declined"]) == ("hybrid", False)
    assert "POST /collections/ml_guard_knowledge/points/query" in server.requests


async def test_without_the_server_a_question_is_503_and_the_rest_of_the_api_answers(
    anonymous: httpx.AsyncClient, server: QdrantServer, services: Services
) -> None:
    await ask(anonymous, QUESTION)
    server.stop()
    response = await anonymous.post("/query", json={"question": QUESTION})
    assert response.status_code == 503
    assert "Qdrant does not answer (ConnectError)" in response.json()["detail"]
    await wait_for(lambda: services.knowledge.state().problem is not None)
    ready = await anonymous.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert "ML_GUARD_KNOWLEDGE_QDRANT_URL" in ready.json()["degraded"]["knowledge"]
    server.start()
    await wait_for(lambda: services.knowledge.state().problem is None)
    assert "72 hours" in (await ask(anonymous, QUESTION))["answer"]


@pytest.mark.parametrize("api_key", ["another-key"])
async def test_with_a_wrong_key_a_question_is_503_with_the_setting_to_correct(anonymous: httpx.AsyncClient) -> None:
    response = await anonymous.post("/query", json={"question": QUESTION})
    assert response.status_code == 503
    detail = response.json()["detail"]
    assert "Qdrant refuses the key (401): correct ML_GUARD_KNOWLEDGE_QDRANT_API_KEY" in detail
    assert "another-key" not in response.text
    assert (await anonymous.get("/readyz")).json()["status"] == "degraded"
