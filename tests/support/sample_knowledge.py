"""The sample knowledge base as it is built: its rows with real vectors, made once in a test process."""

import tempfile
from functools import cache
from pathlib import Path

import pyarrow as pa

from guard_core.settings import Settings
from guard_store.knowledge.store import KnowledgeStore, Sources, TableVersion
from ml.knowledge.embedding import Embedder, load_embedder
from ml.knowledge.reading import read_documents
from ml.knowledge.tables import chunk_table, document_table, embed_chunks
from tests.support.settings import settings_of


@cache
def packaged_embedder() -> Embedder:
    """Load the model that comes with the packages, once."""
    with tempfile.TemporaryDirectory() as folder:
        embedder = load_embedder("packaged", Path(folder))
    assert embedder is not None
    return embedder


@cache
def sample_chunks() -> pa.Table:
    """Cut the sample corpus into chunks, once."""
    sources = Sources(settings_of().knowledge.location)
    return chunk_table(document_table(read_documents(sources.names(), sources.read)))


@cache
def sample_rows() -> pa.Table:
    """Return the chunks with their vectors by the packaged model, computed once."""
    return embed_chunks(sample_chunks(), None, packaged_embedder()).rows


def store_sample(settings: Settings) -> TableVersion:
    """Put the sample into the lake of these settings, as the pipelines would."""
    return KnowledgeStore(settings.storage.lake).replace("embeddings", sample_rows())
