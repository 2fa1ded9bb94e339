"""`POST /query` with a language model: what it says goes out only where the sources bear it."""

import asyncio
import json

import httpx
import pytest

from guard_core.settings import Settings
from serving.app import Services
from tests.support.assistant import GOOD, QUESTION, ask, ask_question, parse_events
from tests.support.clients import Clients
from tests.support.ledger import read_ledger
from tests.support.settings import with_values
from tests.support.upstream import Upstream

DECLINED = "The sources do not answer this."


@pytest.fixture
def settings(asking_a_model: Settings) -> Settings:
    """Settings with a server of language models."""
    return asking_a_model


both = pytest.mark.parametrize("stream", [False, True])


@both
async def test_a_claim_whose_quote_stands_in_its_passage_goes_out(
    analyst: httpx.AsyncClient, upstream: Upstream, services: Services, stream: bool
) -> None:
    told = await ask_question(analyst, stream=stream)
    assert told["answer"] == GOOD
    (citation,) = told["citations"]
    assert (citation["n"], citation["source"], citation["verified"]) == (1, "gdpr.pdf", True)
    assert citation["quote"] == "within 72 hours of becoming aware of it"
    assert (told["model"], told["prompt"], told["flags"], told["declined"]) == ("stub", "query@1", [], False)
    (sent,) = upstream.seen
    assert f"Question: {QUESTION}" in sent["messages"][1]["content"]
    assert "[5] (" in sent["messages"][1]["content"]
    assert (sent["temperature"], sent["max_tokens"]) == (0, 800)
    tokens = {"input": upstream.tokens_in, "cached": 0, "output": upstream.tokens_out, "reasoning": 0}
    assert told["tokens"] == {**tokens, "estimated": False}
    nano = upstream.tokens_in * 3_000 + upstream.tokens_out * 15_000
    assert told["cost_usd"] == pytest.approx(nano / 10**9)
    (row,) = read_ledger(services, route="/query")
    prompt = services.prompts.get("query")
    assert (row["prompt"], row["prompt_hash"], row["model"]) == ("query@1", prompt.hash, "stub")
    assert (row["tokens_in"], row["tokens_out"], row["cost_nano_usd"]) == (
        upstream.tokens_in,
        upstream.tokens_out,
        nano,
    )


@both
@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ('It must be reported "within three weeks" [1].', "invented_quote"),
        ("Everybody knows that this is urgent.", "uncited_claim"),
        ("The fine is 900 million euros [1].", "unsupported_claim"),
        ("Breaches are reported by the controller [9].", "unknown_passage"),
    ],
)
async def test_what_no_source_bears_never_goes_out(
    analyst: httpx.AsyncClient, upstream: Upstream, services: Services, stream: bool, bad: str, fault: str
) -> None:
    upstream.say = f"{bad} {GOOD} {bad}"
    told = await ask_question(analyst, stream=stream)
    assert told["answer"] == GOOD
    assert told["flags"] == [fault]
    upstream.say = bad
    told = await ask_question(analyst, stream=stream)
    assert (told["answer"], told["declined"], told["citations"]) == (DECLINED, True, [])
    details = [json.loads(row["details"]) for row in read_ledger(services, route="/query")]
    assert [(one["faults"], one["declined"]) for one in details] == [([fault], True), ([fault], False)]


@both
async def test_the_sentence_that_declines_is_an_answer_without_a_fault(
    analyst: httpx.AsyncClient, upstream: Upstream, stream: bool
) -> None:
    upstream.say = DECLINED
    told = await ask_question(analyst, stream=stream)
    assert (told["answer"], told["declined"], told["flags"]) == (DECLINED, True, [])


@both
async def test_an_answer_that_need_not_be_grounded_goes_out_as_it_is(
    analyst: httpx.AsyncClient, upstream: Upstream, stream: bool
) -> None:
    upstream.say = f'This is urgent. {GOOD} It is "within three weeks" [1].'
    told = await ask_question(analyst, stream=stream, grounded=False)
    assert told["answer"].strip() == upstream.say
    assert [citation["quote"] for citation in told["citations"]] == ["within 72 hours of becoming aware of it"]
    assert (told["flags"], told["declined"]) == (["invented_quote"], False)


async def test_a_sentence_goes_out_before_the_model_has_said_the_next(base_url: str, upstream: Upstream) -> None:
    upstream.say, upstream.delay_s = f"{GOOD} {GOOD} {GOOD}", 0.03
    async with (
        httpx.AsyncClient(base_url=base_url, timeout=60) as client,
        client.stream("POST", "/query", json={"question": QUESTION, "stream": True}) as answer,
    ):
        counts = [upstream.tokens_out async for line in answer.aiter_lines() if line == "event: text"]
    assert counts[0] < len(upstream.say.split()) - 5


async def test_a_stream_that_nobody_reads_any_more_is_charged_for_what_was_said(
    base_url: str, upstream: Upstream, services: Services, project: str
) -> None:
    _, secret = services.keys.create("app", "guest", project)
    upstream.say, upstream.delay_s = " ".join([GOOD] * 60), 0.01
    async with (
        httpx.AsyncClient(base_url=base_url, timeout=60, headers={"X-API-Key": secret}) as client,
        client.stream("POST", "/query", json={"question": QUESTION, "stream": True}) as answer,
    ):
        async for line in answer.aiter_lines():
            if line == "event: text":
                break
    for _ in range(200):
        found = read_ledger(services, route="/query")
        if found:
            break
        await asyncio.sleep(0.05)
    (row,) = found
    assert 0 < row["tokens_out"] < len(upstream.say.split())
    assert upstream.tokens_out - 3 <= row["tokens_out"] <= 2 * upstream.tokens_out
    assert row["tokens_estimated"]
    assert row["cost_nano_usd"] > 0
    assert json.loads(row["details"])["aborted"]


async def test_a_stream_that_breaks_says_so_and_does_not_end_well(
    analyst: httpx.AsyncClient, upstream: Upstream, services: Services, settings: Settings
) -> None:
    object.__setattr__(services.query, "_settings", with_values(settings, llm_model="stub-breaks").llm)
    upstream.say = f"{GOOD} {GOOD}"
    answer = await analyst.post("/query", json={"question": QUESTION, "stream": True, "grounded": False})
    if answer.status_code == 200:
        names = [name for name, _ in parse_events(answer.text)]
        assert names[-1] == "error"
        assert "end" not in names
    else:
        assert answer.status_code == 502
    (row,) = read_ledger(services, route="/query")
    assert row["tokens_out"] > 0


@pytest.mark.parametrize(("status", "told"), [(400, 502), (429, 502), (500, 502), (0, 502)])
async def test_a_server_that_fails_is_a_bad_gateway_and_costs_nothing(
    analyst: httpx.AsyncClient, upstream: Upstream, services: Services, status: int, told: int
) -> None:
    upstream.fail = [status]
    answer = await analyst.post("/query", json={"question": QUESTION})
    assert answer.status_code == told
    assert answer.headers["content-type"] == "application/problem+json"
    (row,) = read_ledger(services, route="/query")
    assert (row["status"], row["tokens_in"], row["tokens_out"]) == (told, 0, 0)


async def test_a_budget_stops_a_question_before_the_model_is_asked(
    clients: Clients, upstream: Upstream, project: str
) -> None:
    clients.services.gateway.budgets.put("project", project, "tokens", "day", soft=None, hard=1_000)
    answer = await clients.of("guest", project).post("/query", json={"question": QUESTION})
    assert (answer.status_code, answer.json()["code"]) == (429, "budget_exceeded")
    assert upstream.requests == 0


class TestWithoutSources:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return with_values(settings, lake_url=str(settings.storage.home / "another"))

    async def test_no_model_is_asked_what_only_sources_could_answer(
        self, analyst: httpx.AsyncClient, upstream: Upstream
    ) -> None:
        told = await ask(analyst, QUESTION)
        assert (told["declined"], told["model"], upstream.requests) == (True, "extractive", 0)
        told = await ask(analyst, QUESTION, grounded=False)
        assert (told["model"], told["declined"], upstream.requests) == ("stub", False, 1)


class TestExtractiveBySetting:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return with_values(settings, llm_answerer="extractive")

    async def test_no_model_is_asked_and_a_budget_of_cost_is_no_hindrance(
        self, clients: Clients, upstream: Upstream, project: str
    ) -> None:
        clients.services.gateway.budgets.put("project", project, "cost_usd", "day", soft=None, hard=0)
        told = await ask(clients.of("guest", project), QUESTION)
        assert (told["model"], told["cost_usd"], upstream.requests) == ("extractive", 0.0, 0)
        assert "72 hours" in told["answer"]
