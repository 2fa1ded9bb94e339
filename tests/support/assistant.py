"""Questions and researches over HTTP, and checks that hold for each of their answers."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx

from ml.knowledge.quotes import normalize_whitespace
from serving.app import Services
from tests.support.clients import wait_for
from tests.support.sample_knowledge import sample_chunks

QUESTION = "How fast must a data breach be reported to the authority?"
GOOD = 'A breach is notified "within 72 hours of becoming aware of it" [1].'
"""The answer of a good model to it."""
GDPR = "data retention under GDPR"


@cache
def read_sources() -> dict[str, str]:
    """Return the text of each source of the sample, its chunks in order."""
    found: dict[str, str] = {}
    for row in sample_chunks().to_pylist():
        found[row["source"]] = f"{found.get(row['source'], '')} {normalize_whitespace(row['text'])}"
    return found


async def ask(client: httpx.AsyncClient, question: str, *, path: str = "/query", **more: Any) -> dict[str, Any]:
    """Ask a question, and check that the citations of the answer stand in their sources."""
    answer = await client.post(path, json={"question": question, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert_cited(told)
    return told


async def ask_streamed(client: httpx.AsyncClient, question: str, **more: Any) -> list[tuple[str, Any]]:
    """Ask a question, and return the events of the streamed answer."""
    answer = await client.post("/query", json={"question": question, "stream": True, **more})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return parse_events(answer.text)


async def ask_question(client: httpx.AsyncClient, *, stream: bool, **more: Any) -> dict[str, Any]:
    """Ask `QUESTION`, and return the whole answer, or the last event of a stream whose pieces add up to the same text."""
    if not stream:
        return await ask(client, QUESTION, **more)
    events = await ask_streamed(client, QUESTION, **more)
    assert [name for name, _ in events][-3:] == ["citations", "answer", "end"]
    last: dict[str, Any] = dict(events)["answer"]
    assert join_text(events) == last["answer"]
    return last


def parse_events(body: str) -> list[tuple[str, Any]]:
    """Parse server-sent events into pairs of name and data."""
    found = []
    for block in body.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def join_text(events: list[tuple[str, Any]]) -> str:
    """Join the pieces of text of a stream."""
    return "".join(value["text"] for name, value in events if name == "text")


def assert_cited(told: dict[str, Any]) -> None:
    """Check that quotes stand in their sources letter by letter, and that the answer names only what is cited."""
    for citation in told["citations"]:
        assert citation["verified"]
        assert citation["quote"] in read_sources()[citation["source"]]
        assert f"[{citation['n']}]" in told["answer"]
        assert citation["page"] is not None or citation["section"]


async def wait_for_version(services: Services, version: int) -> None:
    """Return when the server answers from a version of the knowledge base."""
    await wait_for(lambda: services.knowledge.state().version == version)


async def run_research(client: httpx.AsyncClient, topic: str = GDPR, **more: Any) -> dict[str, Any]:
    """Research a topic, and check that every finding has sources and quotes from each of them."""
    answer = await client.post("/research", json={"topic": topic, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    for finding in told["findings"]:
        assert finding["sources"]
        assert {quote["source"] for quote in finding["quotes"]} == set(finding["sources"])
    return told


def assert_quoted(told: Mapping[str, Any]) -> None:
    """Check that every quote stands in its source, letter by letter."""
    assert told["findings"]
    for finding in told["findings"]:
        for quote in finding["quotes"]:
            assert quote["verified"]
            assert quote["text"] in read_sources()[quote["source"]]


def read_risk_items(told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the items of a risk check that were met, by rule."""
    return {item["rule"]: item for item in told["risk"]["items"] if item["count"]}
