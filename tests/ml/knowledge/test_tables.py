"""Rows of documents, chunks and embeddings: nothing is embedded twice by the same model."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ml.knowledge.embedding import Vectors
from ml.knowledge.reading import ReadResult, read_documents
from ml.knowledge.tables import CHUNKS, EMBEDDINGS, chunk_table, document_table, embed_chunks, list_skipped
from tests.support.sample_knowledge import packaged_embedder, sample_chunks, sample_rows


class Counting:
    """A model that writes down what it was asked to embed."""

    def __init__(self, its_hash: str = "h1") -> None:
        self.name, self.hash = "counting", its_hash
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return np.array([[len(text), 1] for text in texts], dtype=np.float32).reshape(len(texts), 2)


def chunks(**files: str) -> pa.Table:
    return chunk_table(
        document_table(read_documents([f"{name}.md" for name in files], lambda n: files[n[:-3]].encode()))
    )


def test_a_chunk_is_embedded_once_by_a_model_and_again_by_another() -> None:
    first = embed_chunks(chunks(a="# A\n\nOne.", b="# B\n\nTwo."), None, Counting())
    assert (first.embedded, first.reused) == (2, 0)
    model = Counting()
    second = embed_chunks(chunks(a="# A\n\nOne.", b="# B\n\nTwo!", c="Three."), first.rows, model)
    assert model.asked == ["B: Two!", "c: Three."]
    assert (second.embedded, second.reused) == (2, 1)
    again = Counting()
    assert embed_chunks(chunks(a="# A\n\nOne."), second.rows, again).reused == 1
    assert again.asked == []
    other = Counting("h2")
    embed_chunks(chunks(a="# A\n\nOne."), second.rows, other)
    assert other.asked == ["A: One."]


def test_without_a_model_there_are_no_vectors_and_known_ones_do_not_come_back_as_such() -> None:
    bare = embed_chunks(chunks(a="One."), None, None).rows
    assert bare.schema.equals(EMBEDDINGS)
    assert bare["vector"].null_count == 1
    assert embed_chunks(chunks(a="One."), bare, Counting()).embedded == 1


def test_no_chunks_are_no_rows() -> None:
    none = chunk_table(document_table(ReadResult()))
    assert none.schema.equals(CHUNKS)
    assert len(embed_chunks(none, None, Counting()).rows) == 0


def test_list_skipped_are_rows_with_their_reason_and_make_no_chunks() -> None:
    table = document_table(read_documents(["a.pdf", "b.md"], lambda _: b"x"))
    assert [(file.source, "PDF" in file.reason) for file in list_skipped(table)] == [("a.pdf", True)]
    assert chunk_table(table)["source"].to_pylist() == ["b.md"]


def test_the_packaged_model_gives_unit_vectors_that_know_what_is_alike() -> None:
    vectors = packaged_embedder().embed(["delete my data", "right to erasure", "boil an egg"])
    assert vectors.shape == (3, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
    assert packaged_embedder().embed([]).shape[0] == 0
    assert sample_rows()["chunk_id"].to_pylist() == sample_chunks()["chunk_id"].to_pylist()
