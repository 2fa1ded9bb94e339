"""The app with the sample knowledge base, and what every research must keep to."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pyarrow as pa
import pytest

from guard_core.settings import Settings
from guard_store.knowledge.store import KnowledgeStore
from guard_store.ledger.entry import row_hash
from guard_store.ledger.store import LedgerFilter
from ml.knowledge.reading import read_documents
from ml.knowledge.tables import chunk_table, document_table, embed_chunks
from serving.services import Services
from tests.serving.assistant.knowledge.test_service import until
from tests.serving.assistant.query.asking import sources
from tests.support.sample_knowledge import packaged_embedder, sample_rows, store_sample
from tests.support.settings import settings_of

GDPR = "data retention under GDPR"
AddDocument = Callable[[str, str], None]


@pytest.fixture
def engine() -> str:
    """The database's; tests that are about it ask for both."""
    return "sqlite"


@pytest.fixture
def embedding() -> str:
    """The embedding model; tests that are about what is found ask for `packaged`."""
    return "none"


@pytest.fixture
def lake(tmp_path: Path) -> str:
    """Where the lake is."""
    return str(tmp_path / "home" / "lake")


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, engine: str, embedding: str) -> Settings:
    """Settings of a lake that holds the sample."""
    url = request.getfixturevalue("postgresql_url") if engine == "postgresql" else None
    settings = settings_of(home=tmp_path / "home", database_url=url, knowledge_embedding_model=embedding)
    store_sample(settings)
    return settings


@pytest.fixture
def add_document(lake: str) -> AddDocument:
    """Puts a document beside the sample and what was added before."""
    tables = [sample_rows()]

    def add(name: str, text: str) -> None:
        documents = document_table(read_documents([name], lambda _: text.encode()))
        chunks = chunk_table(documents)
        tables.append(embed_chunks(chunks, None, packaged_embedder()).rows)
        KnowledgeStore(lake).replace("embeddings", pa.concat_tables(tables))

    return add


async def loaded(services: Services, version: int) -> None:
    """Returns when the server answers from a version of the knowledge base."""
    await until(lambda: services.knowledge.state().version == version)


async def research(client: httpx.AsyncClient, topic: str = GDPR, **more: Any) -> dict[str, Any]:
    """The answer, which keeps its promises."""
    answer = await client.post("/research", json={"topic": topic, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    for finding in told["findings"]:
        assert finding["sources"]
        assert {quote["source"] for quote in finding["quotes"]} == set(finding["sources"])
    return told


def assert_quoted(told: Mapping[str, Any]) -> None:
    """Every quote stands in its source, letter by letter."""
    assert told["findings"]
    for finding in told["findings"]:
        for quote in finding["quotes"]:
            assert quote["verified"]
            assert quote["text"] in sources()[quote["source"]]


def ledger_rows(services: Services, **wanted: Any) -> list[dict[str, Any]]:
    """Rows of the ledger, oldest first, their details read."""
    found = services.audit.store.page(LedgerFilter(**wanted), None, 1_000)
    rows = [msgspec.structs.asdict(row) for row in reversed(found)]
    assert all(row_hash(row) == row.hash for row in found)
    return [{**row, "details": json.loads(row["details"])} for row in rows]


def tool_rows(services: Services, **wanted: Any) -> list[dict[str, Any]]:
    """Rows of calls of tools."""
    return [row for row in ledger_rows(services, **wanted) if row["method"] == "TOOL"]


def items(told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The items of a risk check that were met, by rule."""
    return {item["rule"]: item for item in told["risk"]["items"] if item["count"]}
