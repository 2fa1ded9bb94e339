"""Sources into documents, chunks and vectors, table by table; each replaces what the lake had.

What a chunk is, is `ml.knowledge`; where the tables are, `guard_store.knowledge.store`.
"""

import pyarrow as pa

from guard_core.settings import Settings
from guard_pipelines.days.loop import Cell, markdown
from guard_store.knowledge.store import KnowledgeStore, Name, Sources
from ml.knowledge.embedding import load_embedder
from ml.knowledge.reading import read_documents
from ml.knowledge.tables import CHUNKS, chunk_table, document_table, embed_chunks, list_skipped

Numbers = dict[str, int | str]


def store_documents(store: KnowledgeStore, settings: Settings) -> Numbers:
    """Read all sources."""
    sources = Sources(settings.knowledge.location)
    read = read_documents(sources.names(), sources.read)
    version = store.replace("documents", document_table(read))
    return {
        "documents": len(read.documents),
        "skipped": len(read.skipped),
        "files_of_other_kinds": read.ignored,
        "version": version.number,
    }


def store_chunks(store: KnowledgeStore) -> Numbers:
    """Cut the documents into pieces."""
    rows = chunk_table(_stored(store, "documents"))
    version = store.replace("chunks", rows)
    return {"chunks": len(rows), "version": version.number}


def store_embeddings(store: KnowledgeStore, settings: Settings) -> Numbers:
    """Give the pieces their vectors."""
    chunks, before = _stored(store, "chunks").select(CHUNKS.names).cast(CHUNKS), store.read("embeddings")
    model = load_embedder(settings.knowledge.embedding_model, settings.storage.embedders)
    found = embed_chunks(chunks, None if before is None else before[1], model)
    version = store.replace("embeddings", found.rows)
    return {
        "chunks": len(found.rows),
        "embedded": found.embedded,
        "reused": found.reused,
        "model": "none" if model is None else model.name,
        "version": version.number,
    }


def count_skipped(store: KnowledgeStore) -> int:
    """Files that could not be read."""
    return len(list_skipped(_stored(store, "documents")))


def skipped_files(store: KnowledgeStore) -> str:
    """Files that could not be read and why, as a Markdown table."""
    rows: list[dict[str, Cell]] = [
        {"file": file.source, "reason": file.reason} for file in list_skipped(_stored(store, "documents"))
    ]
    return markdown(rows) if rows else "none"


def _stored(store: KnowledgeStore, name: Name) -> pa.Table:
    found = store.read(name)
    if found is None:
        raise FileNotFoundError(f"there is no table of {name} yet: materialise the asset {name} first")
    return found[1]
