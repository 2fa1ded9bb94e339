"""Sources into documents, chunks and vectors, table by table; each replaces the table that the lake had.

How documents are cut and embedded is in `ml.knowledge`, where the tables are in `guard_store.knowledge.store`.
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
    """Read all sources and replace the table of documents."""
    sources = Sources(settings.knowledge.location)
    read = read_documents(sources.names(), sources.read)
    version = store.replace("documents", document_table(read))
    return {
        "documents": len(read.documents),
        "skipped": sum(not file.is_unknown_format for file in read.skipped),
        "files_of_unknown_format": sum(file.is_unknown_format for file in read.skipped),
        "version": version.number,
    }


def store_chunks(store: KnowledgeStore) -> Numbers:
    """Cut the documents into chunks and replace their table."""
    rows = chunk_table(_read_table(store, "documents"))
    version = store.replace("chunks", rows)
    return {"chunks": len(rows), "version": version.number}


def store_embeddings(store: KnowledgeStore, settings: Settings) -> Numbers:
    """Embed the chunks and replace the table of embeddings."""
    chunks, before = _read_table(store, "chunks").select(CHUNKS.names).cast(CHUNKS), store.read("embeddings")
    model = load_embedder(settings.knowledge.embedding_model, settings.storage.embedders)
    embedded = embed_chunks(chunks, None if before is None else before[1], model)
    version = store.replace("embeddings", embedded.rows)
    return {
        "chunks": len(embedded.rows),
        "embedded": embedded.embedded,
        "reused": embedded.reused,
        "model": "none" if model is None else model.name,
        "version": version.number,
    }


def count_files(store: KnowledgeStore) -> int | None:
    """Count the files that were read, or that could not be read; None before the first build."""
    documents = store.read("documents")
    return None if documents is None else len(documents[1])


def count_skipped(store: KnowledgeStore) -> int:
    """Count the files of known formats that could not be read, or not as a whole."""
    return sum(not file.is_unknown_format for file in list_skipped(_read_table(store, "documents")))


def skipped_files(store: KnowledgeStore) -> str:
    """List the files that could not be read, or not as a whole, and why, as a Markdown table."""
    rows: list[dict[str, Cell]] = [
        {"file": file.source, "reason": file.reason} for file in list_skipped(_read_table(store, "documents"))
    ]
    return markdown(rows) if rows else "none"


def _read_table(store: KnowledgeStore, name: Name) -> pa.Table:
    stored = store.read(name)
    if stored is None:
        raise FileNotFoundError(f"there is no table of {name} yet: materialise the asset {name} first")
    return stored[1]
