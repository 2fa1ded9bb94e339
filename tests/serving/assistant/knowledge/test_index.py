"""Versions in Qdrant, in the process and on a server: one collection each, an alias that moves when the new one is whole."""

from collections.abc import Callable, Iterator

import pytest
from qdrant_client import QdrantClient

from guard_store.knowledge.store import TableVersion
from serving.assistant.knowledge.index import Index, IndexUnavailableError, StoppedError, open_client
from tests.support.qdrant_server import API_KEY, QdrantServer, qdrant_server
from tests.support.sample_knowledge import packaged_embedder, sample_rows

pytestmark = pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection:UserWarning")

FIRST, SECOND = TableVersion("t", 1), TableVersion("t", 2)
QUESTION = "How fast must a data breach be reported to the authority?"


@pytest.fixture
def server() -> Iterator[QdrantServer]:
    with qdrant_server() as server:
        yield server


@pytest.fixture(params=["in the process", "on a server"])
def client(request: pytest.FixtureRequest) -> Iterator[QdrantClient]:
    if request.param == "in the process":
        client = open_client(None, None)
    else:
        client = open_client(request.getfixturevalue("server").url, API_KEY)
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


def test_an_index_on_a_server_finds_the_same_as_one_in_the_process(server: QdrantServer) -> None:
    vector = packaged_embedder().embed([QUESTION])[0]
    clients = [open_client(None, None), open_client(server.url, API_KEY)]
    indexes = [Index(client) for client in clients]
    for index in indexes:
        index.load(FIRST, sample_rows())
    here, there = (index.search(QUESTION, vector, 5) for index in indexes)
    assert [passage.chunk_id for passage in there] == [passage.chunk_id for passage in here]
    assert [passage.similarity for passage in there] == pytest.approx([passage.similarity for passage in here])
    assert there[0].source == "gdpr.pdf"
    for client in clients:
        client.close()


def test_the_chunks_of_one_source_come_whole_whatever_the_size_of_a_page(
    client: QdrantClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.assistant.knowledge.index._BATCH", 3)
    rows = sample_rows()
    index = Index(client)
    index.load(FIRST, rows)
    texts = [row["text"] for row in rows.to_pylist() if row["source"] == "aws_costs.md"]
    assert len(texts) > 3
    assert [passage.text for passage in index.document("aws_costs.md")] == texts


def test_a_point_has_the_id_of_its_chunk(client: QdrantClient) -> None:
    rows = sample_rows().slice(0, 3)
    Index(client).load(FIRST, rows)
    chunk_id = rows["chunk_id"][0].as_py()
    (point,) = client.retrieve("ml_guard_knowledge", [chunk_id])
    assert (point.payload or {})["chunk_id"] == chunk_id


def every_call(index: Index) -> dict[str, Callable[[], object]]:
    return {
        "serves": lambda: index.serves(FIRST),
        "load": lambda: index.load(FIRST, sample_rows().slice(0, 5)),
        "search": lambda: index.search(QUESTION, None, 5),
        "document": lambda: index.document("gdpr.pdf"),
    }


CALLS = ["serves", "load", "search", "document"]


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_key_is_an_error_that_names_its_setting(server: QdrantServer, call: str) -> None:
    index = Index(open_client(server.url, "another-key"))
    with pytest.raises(
        IndexUnavailableError, match=r"refuses the key \(401\): correct ML_GUARD_KNOWLEDGE_QDRANT_API_KEY"
    ) as raised:
        every_call(index)[call]()
    assert "another-key" not in str(raised.value)
    assert server.requests == []
    index.close()


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_is_gone_is_an_error_that_names_its_setting(server: QdrantServer, call: str) -> None:
    index = Index(open_client(server.url, API_KEY))
    index.load(FIRST, sample_rows().slice(0, 5))
    server.stop()
    with pytest.raises(IndexUnavailableError, match=r"does not answer .*ML_GUARD_KNOWLEDGE_QDRANT_URL"):
        every_call(index)[call]()
    index.close()


@pytest.mark.parametrize("call", CALLS)
def test_what_a_server_refuses_is_an_error_with_its_status_and_the_reason_as_its_cause(
    server: QdrantServer, call: str
) -> None:
    server.refusal = (500, "Service internal error: disk is full")
    index = Index(open_client(server.url, API_KEY))
    with pytest.raises(IndexUnavailableError, match=r"refuses the request \(500\)$") as raised:
        every_call(index)[call]()
    assert "disk is full" in str(raised.value.__cause__)
    index.close()


def test_a_server_that_lost_its_collections_is_filled_again(server: QdrantServer) -> None:
    index = Index(open_client(server.url, API_KEY))
    index.load(FIRST, sample_rows().slice(0, 5))
    server.stop()
    server.start()
    assert not index.serves(FIRST)
    index.load(FIRST, sample_rows().slice(0, 5))
    assert index.search("audit log", None, 1)
    index.close()
