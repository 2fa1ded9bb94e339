"""Versions in Qdrant: one collection each, an alias that moves when the new one is whole, several processes at once."""

from collections.abc import Iterator

import pytest
from qdrant_client import QdrantClient

from guard_store.knowledge.store import TableVersion
from serving.assistant.knowledge.index import Index, StoppedError, open_client
from tests.support.sample_knowledge import sample_rows

FIRST, SECOND = TableVersion("t", 1), TableVersion("t", 2)


@pytest.fixture
def client() -> Iterator[QdrantClient]:
    client = open_client(None, None)
    yield client
    client.close()


def collections(client: QdrantClient) -> list[str]:
    return sorted(found.name for found in client.get_collections().collections)


def test_the_newest_version_answers_and_the_old_one_is_deleted(client: QdrantClient) -> None:
    index = Index(client)
    index.load(FIRST, sample_rows().slice(0, 5))
    assert index.serves(FIRST)
    index.load(SECOND, sample_rows().slice(5, 5))
    assert collections(client) == ["ml_guard_knowledge-t-2"]
    assert index.serves(SECOND)
    shown = {passage.chunk_id for passage in index.search("audit log", None, 10)}
    assert shown <= set(sample_rows().slice(5, 5)["chunk_id"].to_pylist())
    assert shown


def test_what_is_half_filled_does_not_answer_and_is_finished_later(client: QdrantClient) -> None:
    rows = sample_rows()
    Index(client).load(FIRST, rows.slice(0, 5))
    with pytest.raises(StoppedError):
        Index(client, should_continue=lambda: False).load(SECOND, rows)
    index = Index(client)
    assert index.serves(FIRST)
    assert not index.serves(SECOND)
    assert index.search("audit log", None, 1)
    index.load(SECOND, rows)
    assert client.count("ml_guard_knowledge").count == len(rows)


def test_a_slower_process_does_not_bring_back_an_older_version(client: QdrantClient) -> None:
    Index(client).load(SECOND, sample_rows().slice(0, 5))
    slower = Index(client)
    assert slower.serves(FIRST)
    slower.load(FIRST, sample_rows())
    assert collections(client) == ["ml_guard_knowledge-t-2"]


def test_a_table_made_anew_replaces_a_higher_version_of_the_old_one(client: QdrantClient) -> None:
    index = Index(client)
    index.load(TableVersion("old", 7), sample_rows().slice(0, 5))
    index.load(TableVersion("new", 0), sample_rows().slice(0, 3))
    assert collections(client) == ["ml_guard_knowledge-new-0"]


@pytest.mark.parametrize("other", [FIRST, SECOND])
def test_another_process_may_bring_the_same_version_or_a_newer_one_meanwhile(
    client: QdrantClient, other: TableVersion
) -> None:
    rows = sample_rows().slice(0, 20)

    def meanwhile() -> bool:
        Index(client).load(other, rows)
        return True

    Index(client, should_continue=meanwhile).load(FIRST, rows)
    assert collections(client) == [f"ml_guard_knowledge-t-{other.number}"]
    assert client.count("ml_guard_knowledge").count == 20


def test_others_collections_are_left_alone(client: QdrantClient) -> None:
    client.create_collection("theirs", vectors_config={})
    Index(client).load(FIRST, sample_rows().slice(0, 5))
    assert "theirs" in collections(client)
