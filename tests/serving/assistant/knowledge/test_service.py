"""The knowledge base of a running server: it is found, followed, searched by meaning and words, and says how it stands."""

import subprocess
import sys
from collections.abc import Sequence

import pyarrow as pa
import pytest

from guard_core.settings import Settings
from guard_store.knowledge.store import KnowledgeStore
from ml.knowledge.reading import read_documents
from ml.knowledge.tables import chunk_table, document_table, embed_chunks
from serving.assistant.knowledge.passages import SearchResult
from serving.assistant.knowledge.service import KnowledgeService
from serving.http.problems import Unavailable
from tests.support.clients import wait_for
from tests.support.paths import ROOT
from tests.support.sample_knowledge import sample_chunks, sample_rows, store_sample
from tests.support.settings import with_values

RIGHT = "What is the right to be forgotten?"


async def test_a_search_finds_the_passage_with_its_source_section_page_and_likeness(
    settings: Settings, knowledge: KnowledgeService
) -> None:
    version = store_sample(settings)
    await wait_for(lambda: knowledge.state().retrieval == "hybrid")
    found = await knowledge.search(RIGHT, 5)
    assert (found.retrieval, found.version, len(found.passages)) == ("hybrid", version.number, 5)
    best = found.passages[0]
    assert (best.source, best.title, best.page) == ("gdpr.pdf", "The GDPR in plain words", 3)
    assert best.section.endswith("Article 17. Right to erasure")
    assert list(found.passages) == sorted(found.passages, key=lambda passage: -passage.score)
    likeness = await knowledge.similarities(RIGHT, [f"{best.title}: {best.section}: {best.text}", "boil an egg"])
    assert likeness is not None
    assert best.similarity == pytest.approx(likeness[0], abs=1e-5)
    assert likeness[1] < 0.2 < likeness[0]
    state = knowledge.state()
    assert (state.chunks, state.model, state.why, state.problem) == (
        len(sample_rows()),
        "sentence-transformers/all-MiniLM-L6-v2/int8",
        None,
        None,
    )


async def test_a_document_comes_whole_and_in_order(settings: Settings, knowledge: KnowledgeService) -> None:
    store_sample(settings)
    await wait_for(lambda: knowledge.state().chunks > 0)
    passages = await knowledge.document("aws_costs.md")
    wanted = [row for row in sample_rows().to_pylist() if row["source"] == "aws_costs.md"]
    assert [passage.text for passage in passages] == [row["text"] for row in wanted]
    assert await knowledge.document("unknown.md") == ()


async def test_ligatures_in_a_file_and_in_a_question_are_their_letters(settings: Settings) -> None:
    bare = with_values(settings, knowledge_embedding_model="none")
    files = {"fire.md": "The ﬁre oﬃcer veriﬁes each ﬂoor.", "ice.md": "The i\u00adce is thin."}
    documents = document_table(read_documents(files, lambda name: files[name].encode()))
    KnowledgeStore(bare.storage.lake).replace("embeddings", embed_chunks(chunk_table(documents), None, None).rows)
    service = KnowledgeService(bare)
    await service.start()
    results = [await service.search(question, 2) for question in ("fire officer", "ﬁre oﬃcer", "ice")]
    await service.stop()
    assert [[passage.source for passage in result.passages] for result in results] == [
        ["fire.md"],
        ["fire.md"],
        ["ice.md"],
    ]


async def test_a_search_at_the_start_waits_until_it_can_be_answered(settings: Settings) -> None:
    store_sample(settings)
    service = KnowledgeService(settings)
    await service.start()
    assert service.state().retrieval == "loading"
    found = await service.search(RIGHT, 1)
    await service.stop()
    assert found.passages[0].source == "gdpr.pdf"


async def test_nothing_built_yet_is_empty_and_says_so(knowledge: KnowledgeService) -> None:
    assert await knowledge.search(RIGHT, 5) == SearchResult((), "empty", None)
    assert await knowledge.document("gdpr.pdf") == ()
    assert (knowledge.state().why, knowledge.state().problem) == ("it has not been built yet", None)


async def test_without_a_model_words_alone_find_and_the_state_says_so(settings: Settings) -> None:
    bare = with_values(settings, knowledge_embedding_model="none")
    KnowledgeStore(settings.storage.lake).replace("embeddings", embed_chunks(sample_chunks(), None, None).rows)
    service = KnowledgeService(bare)
    await service.start()
    found = await service.search("right to erasure", 3)
    assert found.retrieval == "lexical"
    assert found.passages[0].section.endswith("Right to erasure")
    assert {passage.similarity for passage in found.passages} == {None}
    assert await service.similarities("a", ["b"]) is None
    assert "ML_GUARD_KNOWLEDGE_EMBEDDING_MODEL" in (service.state().why or "")
    assert service.state().problem is None
    assert (await service.search("what is it?", 3)).passages == ()
    await service.stop()


async def test_a_model_that_cannot_be_loaded_leaves_words_and_a_visible_problem(settings: Settings) -> None:
    store_sample(settings)
    service = KnowledgeService(with_values(settings, knowledge_embedding_model="no/such-model"))
    await service.start()
    found = await service.search("right to erasure", 3)
    assert (found.retrieval, found.passages[0].source) == ("lexical", "gdpr.pdf")
    assert "'no/such-model' cannot be loaded" in (service.state().problem or "")
    await service.stop()


async def test_vectors_of_another_model_are_not_compared(settings: Settings, knowledge: KnowledgeService) -> None:
    place = sample_rows().column_names.index("model_hash")
    other = sample_rows().set_column(place, "model_hash", pa.array(["other"] * len(sample_rows())))
    KnowledgeStore(settings.storage.lake).replace("embeddings", other)
    await wait_for(lambda: knowledge.state().retrieval == "lexical")
    assert "until it is built again" in (knowledge.state().problem or "")
    assert (await knowledge.search("right to erasure", 1)).retrieval == "lexical"


async def test_a_new_version_answers_within_seconds_and_none_goes_unanswered(
    settings: Settings, knowledge: KnowledgeService
) -> None:
    store_sample(settings)
    await wait_for(lambda: knowledge.state().chunks > 0)
    fewer = sample_rows().filter(pa.compute.not_equal(sample_rows()["source"], "gdpr.pdf"))
    KnowledgeStore(settings.storage.lake).replace("embeddings", fewer)
    seen = set()
    while knowledge.state().version == 0:
        found = await knowledge.search(RIGHT, 5)
        assert found.passages
        seen.add(any(passage.source == "gdpr.pdf" for passage in found.passages))
    assert True in seen
    assert all(passage.source != "gdpr.pdf" for passage in (await knowledge.search(RIGHT, 5)).passages)
    assert await knowledge.document("gdpr.pdf") == ()


async def test_a_table_without_chunks_is_empty_with_its_version(
    settings: Settings, knowledge: KnowledgeService
) -> None:
    KnowledgeStore(settings.storage.lake).replace("embeddings", sample_rows().slice(0, 0))
    await wait_for(lambda: knowledge.state().version == 0)
    assert (await knowledge.search(RIGHT, 5)) == SearchResult((), "empty", 0)


async def test_a_table_that_cannot_be_read_is_a_problem_and_what_is_loaded_goes_on(
    settings: Settings, knowledge: KnowledgeService
) -> None:
    store_sample(settings)
    await wait_for(lambda: knowledge.state().chunks > 0)
    log = next((settings.storage.home / "lake" / "_knowledge" / "embeddings" / "_delta_log").glob("*0.json"))
    whole = log.read_text()
    log.write_text("{")
    await wait_for(lambda: knowledge.state().problem is not None)
    assert (await knowledge.search(RIGHT, 1)).passages[0].source == "gdpr.pdf"
    log.write_text(whole)
    await wait_for(lambda: knowledge.state().problem is None)
    assert knowledge.state().retrieval == "hybrid"


async def test_a_search_is_unavailable_where_nothing_could_be_loaded_so_far(settings: Settings) -> None:
    store_sample(settings)
    service = KnowledgeService(with_values(settings, knowledge_qdrant_url="http://127.0.0.1:9"))
    await service.start()
    with pytest.raises(Unavailable, match="cannot be loaded"):
        await service.search(RIGHT, 5)
    assert service.state().problem is not None
    await service.stop()


def test_importing_the_app_imports_nothing_of_it() -> None:
    code = (
        "import sys, serving.app; print([m for m in ('qdrant_client', 'fastembed', 'deltalake') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


class Backwards:
    """A reranker that likes short texts."""

    def scores(self, _: str, texts: Sequence[str]) -> list[float]:
        return [-float(len(text)) for text in texts]


async def test_a_reranker_orders_what_was_found_and_takes_the_best(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.knowledge.reranking.load_reranker", lambda *_: Backwards())
    store_sample(settings)
    service = KnowledgeService(with_values(settings, knowledge_reranker="a/model"))
    await service.start()
    few, many = await service.search(RIGHT, 3), await service.search(RIGHT, 20)
    await service.stop()
    assert few.passages == many.passages[:3]
    lengths = [len(passage.text) for passage in many.passages]
    assert lengths == sorted(lengths)
    assert many.passages[0].score == -lengths[0]


async def test_a_reranker_that_cannot_be_loaded_is_a_problem_and_the_fused_ranks_stay(settings: Settings) -> None:
    store_sample(settings)
    service = KnowledgeService(with_values(settings, knowledge_reranker="no/such-model"))
    await service.start()
    found = await service.search(RIGHT, 1)
    assert found.passages[0].section.endswith("Article 17. Right to erasure")
    assert service.state().retrieval == "hybrid"
    assert "the reranker 'no/such-model' cannot be loaded" in (service.state().problem or "")
    await service.stop()
