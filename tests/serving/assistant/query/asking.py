"""Asking, and checking what holds of every answer."""

import json
from functools import cache
from typing import Any

import httpx

from ml.knowledge.quotes import normalize_whitespace
from tests.support.sample_knowledge import sample_chunks

QUESTION = "How fast must a data breach be reported to the authority?"
GOOD = 'A breach is notified "within 72 hours of becoming aware of it" [1].'
"""What a good model says to it."""


@cache
def sources() -> dict[str, str]:
    """Text of each source, its chunks in order."""
    found: dict[str, str] = {}
    for row in sample_chunks().to_pylist():
        found[row["source"]] = f"{found.get(row['source'], '')} {normalize_whitespace(row['text'])}"
    return found


async def ask(client: httpx.AsyncClient, question: str, *, path: str = "/query", **more: Any) -> dict[str, Any]:
    """The answer, whose citations stand in their sources."""
    answer = await client.post(path, json={"question": question, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert_cited(told)
    return told


async def ask_streamed(client: httpx.AsyncClient, question: str, **more: Any) -> list[tuple[str, Any]]:
    """The events of a streamed answer."""
    answer = await client.post("/query", json={"question": question, "stream": True, **more})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return events_of(answer.text)


def events_of(body: str) -> list[tuple[str, Any]]:
    """Server-sent events by name."""
    found = []
    for block in body.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def text_of(events: list[tuple[str, Any]]) -> str:
    """What the pieces of a stream say."""
    return "".join(value["text"] for name, value in events if name == "text")


def assert_cited(told: dict[str, Any]) -> None:
    """Quotes stand in their sources letter by letter, and the answer names only what is cited."""
    for citation in told["citations"]:
        assert citation["verified"]
        assert citation["quote"] in sources()[citation["source"]]
        assert f"[{citation['n']}]" in told["answer"]
        assert citation["page"] is not None or citation["section"]


async def said(client: httpx.AsyncClient, *, stream: bool, **more: Any) -> dict[str, Any]:
    """The answer, whole or at the end of a stream whose pieces say the same."""
    if not stream:
        return await ask(client, QUESTION, **more)
    events = await ask_streamed(client, QUESTION, **more)
    assert [name for name, _ in events][-3:] == ["citations", "answer", "end"]
    last: dict[str, Any] = dict(events)["answer"]
    assert text_of(events) == last["answer"]
    return last
