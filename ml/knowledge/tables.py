"""Arrow tables of documents, chunks and embeddings; chunks with a stored vector are not embedded again.

Storing these tables does not belong here; it is in `guard_store.knowledge.store`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from ml.knowledge.blocks import Block
from ml.knowledge.chunks import split_document
from ml.knowledge.documents import Document
from ml.knowledge.embedding import Vectors
from ml.knowledge.reading import ReadResult, Skipped

DOCUMENTS = pa.schema(
    [
        ("source", pa.string()),
        ("title", pa.string()),
        ("hash", pa.string()),
        ("blocks", pa.list_(pa.struct([("text", pa.string()), ("section", pa.string()), ("page", pa.int32())]))),
        ("skipped", pa.string()),
    ]
)
"""One row a file; `skipped` is the reason why it, or a part of it, could not be read, null if all of it was read."""

CHUNKS = pa.schema(
    [
        ("chunk_id", pa.string()),
        ("source", pa.string()),
        ("title", pa.string()),
        ("section", pa.string()),
        ("page", pa.int32()),
        ("place", pa.int32()),
        ("text", pa.string()),
        ("source_hash", pa.string()),
    ]
)
"""One row a chunk; `page` is null if the format has no pages."""

EMBEDDINGS = pa.schema(
    [*CHUNKS, ("model", pa.string()), ("model_hash", pa.string()), ("vector", pa.list_(pa.float32()))]
)
"""One row a chunk with its vector; the last three columns are null without a model."""


class EmbeddingModel(Protocol):
    """The interface of an embedding model."""

    name: str
    hash: str

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return vectors of texts: (n, dimension) of unit length."""


@dataclass(frozen=True, slots=True)
class EmbeddedChunks:
    """Rows of `EMBEDDINGS`, and how many of their vectors were computed and how many reused."""

    rows: pa.Table
    embedded: int
    reused: int


def document_table(read: ReadResult) -> pa.Table:
    """Return documents and skipped files as rows of `DOCUMENTS`."""
    reasons = {skipped.source: skipped.reason for skipped in read.skipped}
    rows: list[dict[str, object]] = [
        {**asdict(document), "skipped": reasons.pop(document.source, None)} for document in read.documents
    ]
    rows += [{"source": source, "blocks": [], "skipped": reason} for source, reason in reasons.items()]
    return pa.Table.from_pylist(rows, DOCUMENTS)


def list_skipped(documents: pa.Table) -> list[Skipped]:
    """Return the files that could not be read, or not as a whole, from rows of `DOCUMENTS`."""
    rows = documents.select(["source", "skipped"]).to_pylist()
    return [Skipped(row["source"], row["skipped"]) for row in rows if row["skipped"] is not None]


def chunk_table(documents: pa.Table) -> pa.Table:
    """Split rows of `DOCUMENTS` into rows of `CHUNKS`."""
    rows: list[dict[str, object]] = []
    for row in documents.to_pylist():
        blocks = tuple(Block(**block) for block in row["blocks"])
        chunks = split_document(Document(row["source"], row["title"], row["hash"], blocks)) if blocks else ()
        rows += [{**asdict(chunk), "chunk_id": chunk.id} for chunk in chunks]
    return pa.Table.from_pylist(rows, CHUNKS)


def embed_chunks(chunks: pa.Table, stored: pa.Table | None, model: EmbeddingModel | None) -> EmbeddedChunks:
    """Add a vector to each chunk.

    Parameters
    ----------
    chunks : rows of `CHUNKS`.
    stored : earlier rows of `EMBEDDINGS`; a vector is reused if chunk and model are the same.
    model : None leaves all vectors null.
    """
    if model is None:
        nulls = [pa.nulls(len(chunks), field.type) for field in list(EMBEDDINGS)[-3:]]
        return EmbeddedChunks(pa.table([*chunks.columns, *nulls], schema=EMBEDDINGS), 0, 0)
    vectors = _stored_vectors(stored, model.hash)
    ids, rows = chunks["chunk_id"].to_pylist(), chunks.to_pylist()
    new = [place for place, chunk_id in enumerate(ids) if chunk_id not in vectors]
    computed = model.embed([text_to_embed(rows[place]) for place in new])
    vectors |= {ids[place]: vector for place, vector in zip(new, computed, strict=True)}
    columns = [
        pa.array([model.name] * len(ids), pa.string()),
        pa.array([model.hash] * len(ids), pa.string()),
        pa.array([vectors[chunk_id] for chunk_id in ids], pa.list_(pa.float32())),
    ]
    return EmbeddedChunks(pa.table([*chunks.columns, *columns], schema=EMBEDDINGS), len(new), len(ids) - len(new))


def text_to_embed(row: dict[str, str]) -> str:
    """Return the text of a chunk behind its title and headings, which give it context."""
    return ": ".join(part for part in (row["title"], row["section"], row["text"]) if part)


def _stored_vectors(stored: pa.Table | None, model_hash: str) -> dict[str, Vectors]:
    if stored is None:
        return {}
    rows = zip(*(stored[name].to_pylist() for name in ("chunk_id", "model_hash", "vector")), strict=True)
    return {chunk_id: np.asarray(vector, np.float32) for chunk_id, row_hash, vector in rows if row_hash == model_hash}
