"""`POST /query` without a language model: sentences of the sources, or that they do not answer."""

import json
from typing import Any

import httpx
import pytest
import yaml

from guard_core.settings import Settings
from serving.app import Services
from tests.support.assistant import ask, ask_streamed, assert_cited, join_text
from tests.support.clients import Clients
from tests.support.ledger import read_ledger
from tests.support.paths import ROOT
from tests.support.settings import with_values

GDPR = "What is GDPR?"
QUESTIONS = ROOT / "ml/data/knowledge/questions.yaml"


async def test_the_smoke_test_of_the_specification(anonymous: httpx.AsyncClient, services: Services) -> None:
    body = {"question": GDPR, "grounded": True}
    answer = await anonymous.post("/query", json=body)
    told = answer.json()
    assert answer.status_code == 200
    assert_cited(told)
    assert "General Data Protection Regulation" in told["answer"]
    assert told["citations"][0]["source"] == "gdpr.pdf"
    assert told["citations"][0]["page"] == 1
    assert (told["declined"], told["retrieval"], told["model"]) == (False, "hybrid", "extractive")
    assert (told["cost_usd"], told["prompt"], told["flags"]) == (0.0, None, [])
    assert told["tokens"]["estimated"]
    assert told["request_id"] == answer.headers["x-request-id"]
    shown = (await anonymous.get("/metrics")).text
    assert 'ml_guard_llm_calls_total{model="extractive",outcome="ok",route="/query"}' in shown
    assert 'ml_guard_query_answers_total{outcome="answered",retrieval="hybrid",route="/query"}' in shown
    (row,) = read_ledger(services, route="/query")
    assert (row["status"], row["role"], row["model"], row["cost_nano_usd"]) == (200, "guest", "extractive", 0)
    assert (row["tokens_in"], row["tokens_out"]) == (told["tokens"]["input"], told["tokens"]["output"])
    assert json.loads(row["details"])["retrieval"] == "hybrid"


async def test_every_sentence_has_its_number_and_is_of_the_source(anonymous: httpx.AsyncClient) -> None:
    told = await ask(anonymous, "How fast must a data breach be reported to the authority?")
    assert "72 hours" in told["answer"]
    left = told["answer"]
    for citation in told["citations"]:
        left = left.replace(f"{citation['quote']} [{citation['n']}]", "")
    assert left.strip() == ""


@pytest.mark.parametrize("question", ["What does HIPAA say about medical records?", "How tall is Mount Everest?"])
async def test_what_the_sources_do_not_answer_is_declined(anonymous: httpx.AsyncClient, question: str) -> None:
    told = await ask(anonymous, question)
    assert (told["answer"], told["citations"], told["declined"]) == ("The sources do not answer this.", [], True)


async def test_a_stream_says_the_same_as_a_whole_answer(anonymous: httpx.AsyncClient) -> None:
    whole = await ask(anonymous, GDPR)
    events = await ask_streamed(anonymous, GDPR)
    names = [name for name, _ in events]
    assert names[0] == "text"
    assert names[-3:] == ["citations", "answer", "end"]
    assert join_text(events) == whole["answer"]
    last = dict(events)["answer"]
    assert last["timings"].keys() == whole["timings"].keys()
    own = {"request_id": "", "timings": {}}
    assert {**last, **own} == {**whole, **own}
    assert dict(events)["citations"] == whole["citations"]


async def test_no_sample_question_has_a_citation_that_does_not_stand_in_its_source(
    anonymous: httpx.AsyncClient, services: Services
) -> None:
    if services.database.engine.dialect.name != "sqlite":
        pytest.skip("the database has no part in it")
    questions = yaml.safe_load(QUESTIONS.read_text())
    for item in questions["answerable"][::4] + questions["unanswerable"][::4]:
        told = await ask(anonymous, item["question"])
        assert bool(told["citations"]) is not told["declined"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "question"),
        ({"question": ""}, "question"),
        ({"question": "   "}, "question"),
        ({"question": "x" * 4_001}, "question"),
        ({"question": 7}, "question"),
        ({"question": "x", "top_k": 0}, "top_k"),
        ({"question": "x", "top_k": 21}, "top_k"),
        ({"question": "x", "grounded": "yes"}, "grounded"),
        ({"question": "x", "project_id": "../x"}, "project_id"),
        ({"question": "x", "temperature": 1}, "temperature"),
    ],
)
async def test_what_is_malformed_is_named(analyst: httpx.AsyncClient, body: Any, field: str) -> None:
    answer = await analyst.post("/query", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field


async def test_a_project_is_asked_for_with_a_key_of_it(
    anonymous: httpx.AsyncClient, clients: Clients, project: str
) -> None:
    body = {"question": GDPR, "project_id": project}
    clients.services.projects.create("other", "Other")
    assert (await anonymous.post("/query", json=body)).status_code == 401
    assert (await clients.of("guest", "other").post("/query", json=body)).status_code == 403
    assert (await clients.of("guest").post("/query", json={**body, "project_id": "none"})).status_code == 404
    assert (await clients.of("guest", project).post("/api/v1/query", json=body)).status_code == 200
    assert read_ledger(clients.services, route="/api/v1/query")[0]["project_id"] == project


async def test_without_a_project_it_counts_for_that_of_the_key(clients: Clients, project: str) -> None:
    await ask(clients.of("guest", project), GDPR)
    assert read_ledger(clients.services, route="/query")[0]["project_id"] == project


async def test_a_budget_of_requests_stops_questions_too(clients: Clients, project: str) -> None:
    budgets = clients.services.gateway.budgets
    budgets.put("project", project, "requests", "day", soft=None, hard=2)
    budgets.put("project", project, "cost_usd", "day", soft=None, hard=0)
    client = clients.of("guest", project)
    for _ in range(2):
        await ask(client, GDPR)
    for stream in (False, True):
        refused = await client.post("/query", json={"question": GDPR, "stream": stream})
        assert (refused.status_code, refused.json()["code"]) == (429, "budget_exceeded")
        assert "resets_at" in refused.json()


class TestOnOtherMachines:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return with_values(settings, host="0.0.0.0")  # noqa: S104 - nothing is bound

    async def test_nobody_asks_without_a_key(self, anonymous: httpx.AsyncClient, clients: Clients) -> None:
        assert (await anonymous.post("/query", json={"question": GDPR})).status_code == 401
        await ask(clients.of("guest"), GDPR)


class TestWithoutAModelOfMeaning:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return with_values(settings, knowledge_embedding_model="none")

    async def test_words_alone_answer_and_the_answer_says_so(self, anonymous: httpx.AsyncClient) -> None:
        told = await ask(anonymous, "How much audit log history does PCI DSS ask for?")
        assert "12 months" in told["answer"]
        assert told["retrieval"] == "lexical"
        assert told["citations"][0]["similarity"] is None
        assert (await ask(anonymous, "How tall is Mount Everest?"))["declined"]


class TestWithoutAKnowledgeBase:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return with_values(settings, lake_url=str(settings.storage.home / "another"))

    async def test_every_question_is_declined_and_the_answer_says_why(self, anonymous: httpx.AsyncClient) -> None:
        told = await ask(anonymous, GDPR)
        assert (told["declined"], told["retrieval"], told["citations"]) == (True, "empty", [])
