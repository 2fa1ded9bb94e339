"""The policy holds on every way in and out of the OpenAI-compatible routes."""

import json
from pathlib import Path
from typing import Any

import openai as lib
import pytest
from openai import AsyncOpenAI

from guard_core.settings import Settings
from serving.app import Services
from tests.support.gateway import IBAN, POLICY, SSN, complete, message
from tests.support.ledger import read_ledger
from tests.support.settings import with_values
from tests.support.upstream import Upstream

DATA = Path(__file__).parents[1] / "policy" / "data"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    path = tmp_path / "policies.yaml"
    path.write_text(POLICY)
    return with_values(settings, llm_policies=path)


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_redacted_never_reaches_the_upstream_and_comes_back_where_the_policy_says_so(
    openai: AsyncOpenAI, upstream: Upstream, services: Services, stream: bool
) -> None:
    text = f"My number is {SSN}, mail jo@example.com about B\u200bLUEBIRD"
    answer = await complete(openai, text, stream=stream)
    sent = upstream.seen[0]["messages"][0]["content"]
    assert sent == "My number is [SSN_1], mail [EMAIL_1] about [DENYLIST_1]"
    assert answer == f"My number is {SSN}, mail [EMAIL_1] about [DENYLIST_1]"
    (row,) = read_ledger(services, route="/v1/chat/completions")
    assert row["compliance_flag"]
    assert row["flags"].split(",") == ["request.denylist", "request.pii.email", "request.pii.ssn"]
    assert SSN not in str(row)


@pytest.mark.parametrize(
    "place",
    [
        {"messages": [message([{"type": "text", "text": SSN}])]},
        {"messages": [message(SSN, "system"), message("x")]},
        {"messages": [message("x"), {"role": "tool", "tool_call_id": "1", "content": SSN}]},
        {"messages": [{"role": "user", "content": "x", "name": SSN}]},
        {
            "messages": [
                {
                    "role": "assistant",
                    "tool_calls": [
                        {"id": "1", "type": "function", "function": {"name": "f", "arguments": f'{{"a": "{SSN}"}}'}}
                    ],
                }
            ]
        },
        {
            "messages": [message("x")],
            "tools": [{"type": "function", "function": {"name": "f", "description": SSN, "parameters": {}}}],
        },
        {"messages": [message("x")], "prediction": {"type": "content", "content": SSN}},
    ],
)
async def test_no_place_of_a_request_is_a_way_round(openai: AsyncOpenAI, upstream: Upstream, place: Any) -> None:
    await openai.chat.completions.create(model="stub", **place)
    assert SSN not in str(upstream.seen[0])
    assert "[SSN_1]" in str(upstream.seen[0])


@pytest.mark.parametrize(
    "schema",
    [
        json.loads((DATA / "tool-schema.json").read_text()),
        {"type": "object", "properties": {"at": {"type": "integer", "maximum": 4111111111111111, "description": "id"}}},
    ],
)
async def test_numbers_of_a_schema_stay_numbers(openai: AsyncOpenAI, upstream: Upstream, schema: Any) -> None:
    tools: Any = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    shape: Any = {"type": "json_schema", "json_schema": {"name": "f", "schema": schema}}
    messages: Any = [message("x")]
    await openai.chat.completions.create(model="stub", messages=messages, tools=tools, response_format=shape)
    assert upstream.seen[0]["tools"] == tools
    assert upstream.seen[0]["response_format"] == shape


async def test_embeddings_are_no_way_round(openai: AsyncOpenAI, upstream: Upstream) -> None:
    await openai.embeddings.create(model="stub", input=[SSN, "x"], encoding_format="float")
    assert upstream.seen[0]["input"] == ["[SSN_1]", "x"]
    with pytest.raises(lib.PermissionDeniedError):
        await openai.embeddings.create(model="stub", input=IBAN, encoding_format="float")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_blocked_request_reaches_nobody(
    openai: AsyncOpenAI, upstream: Upstream, services: Services, stream: bool
) -> None:
    with pytest.raises(lib.PermissionDeniedError, match=r"pii\.iban") as raised:
        await complete(openai, f"Pay to {IBAN}", stream=stream)
    assert raised.value.code == "content_filter"
    assert IBAN not in str(raised.value)
    assert upstream.requests == 0
    (row,) = read_ledger(services, route="/v1/chat/completions")
    assert (row["status"], row["flags"], row["compliance_flag"]) == (403, "request.pii.iban", True)


async def test_a_blocked_answer_is_withheld(openai: AsyncOpenAI, upstream: Upstream, services: Services) -> None:
    upstream.say = f"Pay to {IBAN} now"
    answer = await openai.chat.completions.create(model="stub", messages=[message("x")])
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (None, "content_filter")
    (row,) = read_ledger(services, route="/v1/chat/completions")
    assert (row["flags"], row["tokens_out"]) == ("response.pii.iban", upstream.tokens_out)


async def test_a_blocked_stream_ends_before_the_first_of_it(
    openai: AsyncOpenAI, upstream: Upstream, services: Services
) -> None:
    upstream.say = f"Of course pay to {IBAN} now please"
    text, reasons = "", []
    stream = await openai.chat.completions.create(model="stub", messages=[message("x")], stream=True)
    async for chunk in stream:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reasons.append(choice.finish_reason)
    assert text in ("Of course pay to ", "Of course pay ", "Of course ")
    assert reasons[-1] == "content_filter"
    (row,) = read_ledger(services, route="/v1/chat/completions")
    assert row["flags"] == "response.pii.iban"


async def test_tool_calls_of_an_answer_are_judged(openai: AsyncOpenAI, services: Services) -> None:
    tools: Any = [{"type": "function", "function": {"name": "Bluebird", "parameters": {}}}]
    answer = await openai.chat.completions.create(model="stub", messages=[message("x")], tools=tools)
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.arguments == '{"city": "Paris", "days": 3}'
    assert "request.denylist" in read_ledger(services, route="/v1/chat/completions")[0]["flags"]


async def test_token_ids_of_an_answer_go_out_only_with_an_unchanged_text(
    openai: AsyncOpenAI, upstream: Upstream
) -> None:
    for text, ids in (("Hello there.", [1, 2]), (f"Call {IBAN}", None)):
        choice = {"index": 0, "message": message(text), "token_ids": [1, 2], "finish_reason": "stop"}
        upstream.answer = {"id": "a", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        answer = await openai.chat.completions.create(model="stub", messages=[message("x")])
        assert (answer.choices[0].model_extra or {}).get("token_ids") == ids
