"""The app with the sample knowledge base, and what every research must keep to."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from guard_core.settings import Settings
from guard_store.knowledge.store import KnowledgeStore
from ml.knowledge.reading import read_documents
from ml.knowledge.tables import chunk_table, document_table, embed_chunks
from tests.support.sample_knowledge import packaged_embedder, sample_rows, store_sample
from tests.support.settings import settings_of

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
