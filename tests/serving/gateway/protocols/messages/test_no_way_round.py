"""Nothing that the policy takes out passes in any place of a request or an answer of Messages, however it is split."""

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from guard_core.settings import Settings
from serving.app import Services
from serving.audit.entry import AuditEntry
from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.chat.stream import ChatStream
from serving.gateway.protocols.messages.protocol import MESSAGES
from serving.gateway.protocols.messages.writer import MessagesEventWriter
from tests.support.gateway import build_policy, disguise_secret, write_strict_policies
from tests.support.messages_upstream import MessagesUpstream
from tests.support.settings import with_values
from tests.support.visible_texts import shows, split


def ask(*content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"max_tokens": 10, "messages": [{"role": "user", "content": list(content) or "x"}], **more}


def turns(*messages: Any) -> dict[str, Any]:
    return {"max_tokens": 10, "messages": list(messages)}


def result(content: Any) -> dict[str, Any]:
    return ask({"type": "tool_result", "tool_use_id": "t", "content": content})


def document(**source: Any) -> dict[str, Any]:
    return {"type": "document", "source": source}


IN: dict[str, Callable[[str], dict[str, Any]]] = {
    "text": lambda t: turns({"role": "user", "content": t}),
    "block": lambda t: ask({"type": "text", "text": t}),
    "system": lambda t: ask(system=t),
    "system block": lambda t: ask(system=[{"type": "text", "text": t, "cache_control": {"type": "ephemeral"}}]),
    "assistant": lambda t: turns({"role": "user", "content": "x"}, {"role": "assistant", "content": t}),
    "thinking": lambda t: turns(
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": t, "signature": "c2ln" * 30}]},
    ),
    "input": lambda t: turns(
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"say": [t]}}]},
    ),
    "input name": lambda t: turns(
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {t: 1}}]},
    ),
    "result": result,
    "result block": lambda t: result([{"type": "text", "text": t}]),
    "tool": lambda t: ask(tools=[{"name": "f", "description": t, "input_schema": {"type": "object"}}]),
    "schema": lambda t: ask(tools=[{"name": "f", "input_schema": {"type": "object", "properties": {t: {}}}}]),
    "document": lambda t: ask(document(type="text", media_type="text/plain", data=t)),
    "document title": lambda t: ask({**document(type="text", media_type="text/plain", data="x"), "title": t}),
    "document blocks": lambda t: ask(document(type="content", content=[{"type": "text", "text": t}])),
    "search result": lambda t: ask(
        {"type": "search_result", "title": t, "source": "s", "content": [{"type": "text", "text": "x"}]}
    ),
    "image url": lambda t: ask({"type": "image", "source": {"type": "url", "url": f"https://example.com/?q={t}"}}),
    "end user": lambda t: ask(metadata={"user_id": t[:120]}),
    "stop": lambda t: ask(stop_sequences=["x", t]),
    "other": lambda t: ask(anything={"deep": [t]}),
}


@pytest.fixture
def database_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    return f"sqlite:///{shutil.copyfile(migrated_sqlite, tmp_path / 'guard.db')}"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return with_values(settings, llm_policies=write_strict_policies(tmp_path / "policies.yaml"))


@pytest.fixture
async def post(base_url: str, services: Services) -> Any:
    """Send a request for a project of an action."""
    for action in ("redact", "block"):
        services.projects.create(action, action)
    _, secret = services.keys.create("app", "analyst", None)
    async with httpx.AsyncClient(base_url=base_url, headers={"x-api-key": secret}, trust_env=False) as client:

        async def send(action: str, body: dict[str, Any]) -> httpx.Response:
            headers = {"X-ML-Guard-Project": action}
            return await client.post("/v1/messages", json={"model": "stub", **body}, headers=headers)

        yield send


over_http = hypothesis_settings(
    max_examples=10,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each example is dozens of requests
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@over_http
@given(secret=disguise_secret(), action=st.sampled_from(["redact", "block"]))
async def test_no_place_of_a_request(post: Any, server: MessagesUpstream, secret: str, action: str) -> None:
    for place, make in IN.items():
        server.seen.clear()
        answer = await post(action, make(f"the {secret} now"))
        if action == "block":
            assert answer.status_code == 403, place
            assert answer.json()["error"]["code"] == "content_filter"
            assert not server.seen, place
        else:
            assert answer.status_code == 200, (place, answer.text)
            assert not shows(server.seen, secret), place
        assert not shows(answer.json(), secret), place


BLOCKS: dict[str, Callable[[str], dict[str, Any]]] = {
    "text": lambda t: {"type": "text", "text": t},
    "thinking": lambda t: {"type": "thinking", "thinking": t, "signature": "c2ln" * 30},
    "input": lambda t: {"type": "tool_use", "id": "t", "name": "f", "input": {"say": t, "n": 1}},
    "citation": lambda t: {"type": "text", "text": "x", "citations": [{"type": "char_location", "cited_text": t}]},
}


@over_http
@given(secret=disguise_secret(), action=st.sampled_from(["redact", "block"]))
async def test_no_place_of_a_whole_answer(post: Any, server: MessagesUpstream, secret: str, action: str) -> None:
    for place, make in BLOCKS.items():
        server.blocks = [make(f"the {secret} now"), {"type": "text", "text": "and more"}]
        answer = await post(action, ask())
        assert answer.status_code == 200
        assert not shows(answer.json(), secret), place
        blocked = {"content": [], "stop_reason": "refusal"}
        assert action == "redact" or blocked.items() <= answer.json().items()


@given(
    secret=disguise_secret(),
    action=st.sampled_from(["redact", "block"]),
    cuts=st.lists(st.integers(1, 12), min_size=1, max_size=12),
    piece=st.integers(1, 12),
)
def test_no_place_of_a_stream(secret: str, action: str, cuts: list[int], piece: int) -> None:
    for place, make in BLOCKS.items():
        blocks = [make(f"the {secret} now, and more"), {"type": "text", "text": "the end"}]
        said = _stream(blocks, action, piece, cuts)
        assert not shows([_joined(said), said], secret), place
        reason = next(event["delta"]["stop_reason"] for event in said if event["type"] == "message_delta")
        assert reason == ("refusal" if action == "block" else "tool_use" if place == "input" else "end_turn"), place
        assert said[-1]["type"] == "message_stop"


@given(secret=disguise_secret(), cut=st.integers(1, 40), action=st.sampled_from(["redact", "block"]))
def test_a_text_divided_by_another_block_is_not_whole(secret: str, cut: int, action: str) -> None:
    call: dict[str, Any] = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    blocks: list[dict[str, Any]] = [
        {"type": "text", "text": f"a {secret[:cut]}"},
        call,
        {"type": "text", "text": f"{secret[cut:]} b"},
    ]
    said = _stream(blocks, action, 5, [1000])
    texts = "".join(text for block, text in sorted(_joined(said).items()) if block in (0, 2))
    assert not shows(texts, secret)


def _stream(blocks: list[dict[str, Any]], action: str, piece: int, cuts: list[int]) -> list[dict[str, Any]]:
    """Return the events that a caller of Messages receives of a server's stream, which arrives in pieces of bytes."""
    server = MessagesUpstream(blocks=blocks, piece=piece)
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "stub",
        "content": blocks,
    }
    message |= {"stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 9}}
    data = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in server.events(message))
    session = PolicySession(build_policy(action), "/v1/messages", AuditEntry({"type": "http"}))
    writer = MessagesEventWriter("stub", 3)
    stream = ChatStream(session, MESSAGES.events(), writer, wants_usage=False, prompt_tokens=3, keeps_texts=False)
    out = b""
    for part in split(base64.b16encode(data.encode()).decode(), [2 * cut for cut in cuts]):
        if not (stream.ended or stream.blocked):
            out += stream.feed(base64.b16decode(part))
    out += writer.end(stream.usage)
    return [json.loads(line[6:]) for line in out.decode().splitlines() if line.startswith("data: ")]


def _joined(said: list[dict[str, Any]]) -> dict[int, str]:
    """Return the texts of the blocks put together, as clients do."""
    texts: dict[int, str] = {}
    for event in said:
        if event["type"] == "content_block_delta":
            delta = event["delta"]
            text = delta.get("text") or delta.get("thinking") or delta.get("partial_json") or ""
            texts[event["index"]] = texts.get(event["index"], "") + text
    return texts
