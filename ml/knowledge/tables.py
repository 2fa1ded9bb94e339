"""The columns of documents, chunks and embeddings, and chunks with vectors: none is embedded twice.

Where these tables are kept is `guard_store.knowledge.store`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from ml.knowledge.chunks import split_document
from ml.knowledge.documents import Block, Document
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
"""A file: `skipped` says why it could not be read, and is null where it was."""

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
"""`page` is null where a format has none."""

EMBEDDINGS = pa.schema(
    [*CHUNKS, ("model", pa.string()), ("model_hash", pa.string()), ("vector", pa.list_(pa.float32()))]
)
"""A chunk and its vector; the last three are null where no model embeds."""


class Embeds(Protocol):
    """What an embedding model does."""

    name: str
    hash: str

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts: (n, dimension) of unit length."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Rows of `EMBEDDINGS`, and how many of their vectors were computed now or known before."""

    rows: pa.Table
    embedded: int
    reused: int


def document_table(read: ReadResult) -> pa.Table:
    """What was read, and what was not, as rows of `DOCUMENTS`."""
    rows: list[dict[str, object]] = [asdict(document) for document in read.documents]
    rows += [{"source": skipped.source, "blocks": [], "skipped": skipped.reason} for skipped in read.skipped]
    return pa.Table.from_pylist(rows, DOCUMENTS)


def skipped_of(documents: pa.Table) -> list[Skipped]:
    """The files that could not be read, of rows of `DOCUMENTS`."""
    rows = documents.select(["source", "skipped"]).to_pylist()
    return [Skipped(row["source"], row["skipped"]) for row in rows if row["skipped"] is not None]


def chunk_table(documents: pa.Table) -> pa.Table:
    """Rows of `CHUNKS` of rows of `DOCUMENTS`."""
    rows: list[dict[str, object]] = []
    for row in documents.to_pylist():
        blocks = tuple(Block(**block) for block in row["blocks"])
        chunks = split_document(Document(row["source"], row["title"], row["hash"], blocks)) if blocks else ()
        rows += [{**asdict(chunk), "chunk_id": chunk.id} for chunk in chunks]
    return pa.Table.from_pylist(rows, CHUNKS)


def with_vectors(chunks: pa.Table, known: pa.Table | None, model: Embeds | None) -> Embedded:
    """Give each chunk its vector.

    Parameters
    ----------
    chunks : rows of `CHUNKS`.
    known : rows of `EMBEDDINGS` of before: a vector is taken from there where chunk and model are the same.
    model : None leaves all vectors null.
    """
    if model is None:
        nulls = [pa.nulls(len(chunks), field.type) for field in list(EMBEDDINGS)[-3:]]
        return Embedded(pa.table([*chunks.columns, *nulls], schema=EMBEDDINGS), 0, 0)
    vectors = _known_vectors(known, model.hash)
    ids, rows = chunks["chunk_id"].to_pylist(), chunks.to_pylist()
    new = [place for place, chunk_id in enumerate(ids) if chunk_id not in vectors]
    made = model.embed([embedded_text(rows[place]) for place in new])
    vectors |= {ids[place]: vector for place, vector in zip(new, made, strict=True)}
    columns = [
        pa.array([model.name] * len(ids), pa.string()),
        pa.array([model.hash] * len(ids), pa.string()),
        pa.array([vectors[chunk_id] for chunk_id in ids], pa.list_(pa.float32())),
    ]
    return Embedded(pa.table([*chunks.columns, *columns], schema=EMBEDDINGS), len(new), len(ids) - len(new))


def embedded_text(row: dict[str, str]) -> str:
    """What a vector is made of: the headings say what the text is about."""
    return ": ".join(part for part in (row["title"], row["section"], row["text"]) if part)


def _known_vectors(known: pa.Table | None, model_hash: str) -> dict[str, Vectors]:
    if known is None:
        return {}
    rows = zip(*(known[name].to_pylist() for name in ("chunk_id", "model_hash", "vector")), strict=True)
    return {chunk_id: np.asarray(vector, np.float32) for chunk_id, its_hash, vector in rows if its_hash == model_hash}
