"""A question from the page takes the same way as one by API: policy, budget and ledger, within the caller's limits."""

import hashlib

import pytest

from guard_core.settings import Settings
from tests.support.assistant import QUESTION
from tests.support.clients import Clients
from tests.support.ledger import read_ledger
from tests.support.pages import form_token_of, open_browser, sign_in
from tests.support.sample_knowledge import store_sample
from tests.support.settings import with_values


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a lake that holds the sample."""
    store_sample(settings)
    return settings


async def test_an_answer_has_citations_that_unfold_and_its_row_of_the_ledger(clients: Clients, project: str) -> None:
    browser = await sign_in(clients, "guest", project)
    token = form_token_of((await browser.get("/ask")).text)
    assert (await browser.post("/ask", data={"question": QUESTION})).status_code == 403
    answer = await browser.post("/ask", data={"question": QUESTION, "csrf": token})
    assert "<h1>Answered from" in answer.text
    assert "72 hours" in answer.text
    assert "<blockquote>" in answer.text
    assert "Trace of the answer" in answer.text
    (row,) = [row for row in read_ledger(clients.services, route="/ask") if row["model"] is not None]
    assert (row["project_id"], row["status"], row["model"]) == (project, 200, "extractive")
    assert row["response_hash"] == hashlib.sha256(answer.content).hexdigest()


async def test_a_declined_question_is_declined_in_plain_words(clients: Clients) -> None:
    browser = await sign_in(clients, "guest")
    token = form_token_of((await browser.get("/ask")).text)
    page = (await browser.post("/ask", data={"question": "Who won the cup in 1998?", "csrf": token})).text
    assert "<h1>The sources do not answer this</h1>" in page


async def test_a_spent_budget_refuses_the_question_of_a_page(clients: Clients, project: str) -> None:
    budget = {"scope": "project", "scope_id": project, "measure": "requests", "period": "total", "hard": 1}
    assert (await clients.of("admin").put("/api/v1/budgets", json=budget)).status_code == 200
    browser = await sign_in(clients, "guest", project)
    form = {"question": QUESTION, "csrf": form_token_of((await browser.get("/ask")).text)}
    assert (await browser.post("/ask", data=form)).status_code == 200
    refused = await browser.post("/ask", data=form)
    assert refused.status_code == 429
    row = read_ledger(clients.services, route="/ask")[0]
    assert (row["status"], row["response_hash"]) == (429, hashlib.sha256(refused.content).hexdigest())


async def test_another_project_and_a_wrong_field_are_refused(clients: Clients, project: str) -> None:
    browser = await sign_in(clients, "guest", project)
    form = {"csrf": form_token_of((await browser.get("/ask")).text)}
    assert (await browser.post("/ask", data={**form, "question": "x", "project_id": "other"})).status_code == 403
    assert (await browser.post("/ask", data={**form, "question": "x" * 4_001})).status_code == 422
    assert (await browser.post("/ask/research", data={**form, "topic": "retention"})).status_code == 403
    assert (await open_browser(clients.app).get("/ask")).status_code == 303


async def test_a_research_has_findings_and_the_trace_of_its_tools(clients: Clients, project: str) -> None:
    browser = await sign_in(clients, "analyst", project)
    token = form_token_of((await browser.get("/ask")).text)
    steps = {"fetch": "1", "summarize": "1"}
    answer = await browser.post("/ask/research", data={"topic": "data retention under GDPR", "csrf": token, **steps})
    assert "the risk of trusting them is" in answer.text
    assert "Trace of the research" in answer.text
    (row,) = [row for row in read_ledger(clients.services, route="/ask/research") if row["method"] == "POST"]
    assert row["response_hash"] == hashlib.sha256(answer.content).hexdigest()


class TestLimits:
    """Limits of requests hold for sessions too."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """Settings with a low rate limit of keys."""
        return with_values(settings, rate_per_key=1, rate_burst_s=3)

    async def test_the_rate_limit_of_a_key_holds_for_its_session(self, clients: Clients) -> None:
        browser = await sign_in(clients, "guest")
        statuses = [(await browser.get("/ask")).status_code for _ in range(5)]
        assert statuses[0] == 200
        assert statuses[-1] == 429
