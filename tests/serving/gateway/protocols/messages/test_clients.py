"""The official clients run their usual flows through the gateway, to servers of either protocol."""

import json
from typing import Any

import anthropic as lib
import openai as openai_lib
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from serving.app import Services
from tests.support.gateway import IBAN, SSN, wait_for_calls
from tests.support.messages_upstream import MessagesUpstream
from tests.support.upstream import Upstream

BOTH = pytest.mark.parametrize("speaks", ["messages", "chat"])
PNG = "iVBORw0KGgo" * 12
TOOL: Any = {
    "name": "get_weather",
    "description": "Weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CHAT_TOOL: Any = {
    "type": "function",
    "function": {"name": "get_weather", "strict": True, "parameters": TOOL["input_schema"]},
}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris", "days": 3}}
THINKING = {"type": "thinking", "thinking": "It asks for a greeting.", "signature": "c2ln" * 30}


def ask(content: Any, **more: Any) -> dict[str, Any]:
    return {"model": "stub", "max_tokens": 100, "messages": [{"role": "user", "content": content}], **more}


async def stream_of(anthropic: AsyncAnthropic, **request: Any) -> Any:
    """Return the final message of a stream, as the official client puts it together."""
    async with anthropic.messages.stream(**request) as stream:
        return await stream.get_final_message()


async def answer_of(anthropic: AsyncAnthropic, *, streams: bool, **request: Any) -> Any:
    if streams:
        return await stream_of(anthropic, **request)
    return await anthropic.messages.create(**request)


@BOTH
@pytest.mark.parametrize("streams", [False, True])
async def test_a_text_comes_back_with_its_usage_and_is_on_record(
    anthropic: AsyncAnthropic, services: Services, speaks: str, streams: bool
) -> None:
    answer = await answer_of(anthropic, streams=streams, **ask("one two three four five", system="Be brief."))
    assert [block.text.strip() for block in answer.content] == ["one two three four five"]
    assert (answer.role, answer.stop_reason, answer.model) == ("assistant", "end_turn", "stub")
    expected_in = {"messages": 8, "chat": 7}[speaks]
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (expected_in, 5)
    (row,) = await wait_for_calls(services, 1)
    assert (row["route"], row["model"], row["status"]) == ("/v1/messages", "stub", 200)
    assert (row["tokens_in"], row["tokens_out"]) == (expected_in, 5)
    assert row["cost_nano_usd"] == expected_in * 3_000 + 5 * 15_000


@BOTH
@pytest.mark.parametrize("streams", [False, True])
async def test_a_tool_is_called_and_its_result_goes_back(
    anthropic: AsyncAnthropic,
    server: MessagesUpstream,
    chat_server: Upstream,
    speaks: str,
    streams: bool,
) -> None:
    server.blocks, server.stop_reason = [CALL], "tool_use"
    answer = await answer_of(anthropic, streams=streams, **ask("Weather in Paris?", tools=[TOOL]))
    (call,) = answer.content
    assert (call.type, call.name, call.input) == ("tool_use", "get_weather", {"city": "Paris", "days": 3})
    assert answer.stop_reason == "tool_use"
    server.blocks, server.stop_reason = None, "end_turn"
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"}
    history: Any = [
        {"role": "user", "content": "Weather in Paris?"},
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": [result]},
    ]
    last = await answer_of(anthropic, streams=streams, model="stub", max_tokens=100, messages=history)
    assert last.content[0].text.strip() == "18 degrees"
    if speaks == "chat":
        sent = chat_server.seen[-1]["messages"]
        assert [message["role"] for message in sent] == ["user", "assistant", "tool"]
        assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"] == call.id
        assert json.loads(sent[1]["tool_calls"][0]["function"]["arguments"]) == call.input
    else:
        assert server.seen[-1]["messages"][2]["content"] == [result]


@pytest.mark.parametrize("streams", [False, True])
async def test_thinking_and_citations_of_a_server_of_messages_arrive_whole(
    anthropic: AsyncAnthropic, server: MessagesUpstream, streams: bool
) -> None:
    citation = {
        "type": "char_location",
        "cited_text": "Hello",
        "document_index": 0,
        "document_title": "Greetings",
        "start_char_index": 0,
        "end_char_index": 5,
    }
    hidden = {"type": "redacted_thinking", "data": "ZW5j" * 30}
    server.blocks = [THINKING, hidden, {"type": "text", "text": "Hello there", "citations": [citation]}, CALL]
    answer = await answer_of(
        anthropic,
        streams=streams,
        **ask("Hi", thinking={"type": "enabled", "budget_tokens": 1024}, extra_body={"top_k": 5}),
    )
    sent = [block.model_dump(exclude_none=True) for block in answer.content]
    assert [block["type"] for block in sent] == ["thinking", "redacted_thinking", "text", "tool_use"]
    assert sent[0] == THINKING
    assert sent[1] == hidden
    assert sent[2]["citations"][0]["cited_text"] == "Hello"
    assert (server.seen[0]["thinking"]["budget_tokens"], server.seen[0]["top_k"]) == (1024, 5)
    assert server.headers["x-api-key"].startswith("up-")


@pytest.mark.parametrize("streams", [False, True])
async def test_a_caller_of_chat_completions_reaches_a_server_of_messages(
    openai: AsyncOpenAI, server: MessagesUpstream, services: Services, streams: bool
) -> None:
    server.blocks, server.stop_reason = [THINKING, {"type": "text", "text": "Let me see."}, CALL], "tool_use"
    server.usage = {
        "input_tokens": 3,
        "cache_read_input_tokens": 4,
        "cache_creation_input_tokens": 2,
        "output_tokens": 9,
    }
    request: Any = {
        "model": "stub",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]},
        ],
        "tools": [CHAT_TOOL],
        "tool_choice": "required",
    }
    if streams:
        async with openai.chat.completions.stream(**request, stream_options={"include_usage": True}) as stream:
            completion: Any = await stream.get_final_completion()
    else:
        completion = await openai.chat.completions.create(**request)
    message = completion.choices[0].message
    assert (message.content, completion.choices[0].finish_reason) == ("Let me see.", "tool_calls")
    assert json.loads(message.tool_calls[0].function.arguments) == CALL["input"]
    assert message.reasoning == THINKING["thinking"]
    assert completion.usage.prompt_tokens == 9
    assert completion.usage.prompt_tokens_details.cached_tokens == 4
    sent = server.seen[0]
    assert sent["system"] == [{"type": "text", "text": "Be brief."}]
    assert sent["messages"][0]["content"][0]["source"] == {"type": "base64", "media_type": "image/png", "data": PNG}
    assert (sent["max_tokens"], sent["tool_choice"]) == (4096, {"type": "any"})
    (row,) = await wait_for_calls(services, 1)
    assert (row["tokens_in"], row["tokens_cached"], row["tokens_out"]) == (9, 4, 9)
    assert "request.unread.image" in row["flags"]


async def test_thinking_goes_back_to_the_server_that_has_signed_it(
    openai: AsyncOpenAI, server: MessagesUpstream
) -> None:
    server.blocks, server.stop_reason = [THINKING, CALL], "tool_use"
    question: Any = {"role": "user", "content": "Weather?"}
    first = await openai.chat.completions.create(model="stub", messages=[question], tools=[CHAT_TOOL])
    message: Any = first.choices[0].message.model_dump(exclude_none=True)
    result: Any = {"role": "tool", "tool_call_id": CALL["id"], "content": "18 degrees"}
    await openai.chat.completions.create(model="stub", messages=[question, message, result], tools=[CHAT_TOOL])
    turns = server.seen[-1]["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"] == [THINKING, CALL]
    assert turns[2]["content"][0]["content"] == [{"type": "text", "text": "18 degrees"}]


@BOTH
@pytest.mark.parametrize("streams", [False, True])
async def test_personal_data_leaves_neither_way(
    anthropic: AsyncAnthropic, server: MessagesUpstream, chat_server: Upstream, speaks: str, streams: bool
) -> None:
    server.blocks = [{"type": "text", "text": "Write to jo.doe@example.com at Bluebird"}]
    chat_server.say = "Write to jo.doe@example.com at Bluebird"
    request = ask(f"My SSN is {SSN}.", system=[{"type": "text", "text": "I am jo@example.com"}])
    answer = await answer_of(anthropic, streams=streams, **request)
    assert answer.content[0].text.strip() == "Write to [EMAIL_2] at [DENYLIST_1]"
    sent = json.dumps((server if speaks == "messages" else chat_server).seen)
    assert SSN not in sent
    assert "jo@example.com" not in sent


@BOTH
@pytest.mark.parametrize("streams", [False, True])
async def test_a_withheld_answer_is_a_refusal_without_content(
    anthropic: AsyncAnthropic,
    server: MessagesUpstream,
    chat_server: Upstream,
    services: Services,
    speaks: str,
    streams: bool,
) -> None:
    server.blocks = [{"type": "text", "text": f"Pay to {IBAN} today"}]
    chat_server.say = f"Pay to {IBAN} today"
    answer = await answer_of(anthropic, streams=streams, **ask("How?"))
    assert answer.stop_reason == "refusal"
    assert IBAN not in answer.model_dump_json()
    (row,) = await wait_for_calls(services, 1)
    assert "response.pii.iban" in row["flags"]


@BOTH
async def test_a_blocked_request_is_refused_in_the_words_of_the_protocol(
    anthropic: AsyncAnthropic, server: MessagesUpstream, chat_server: Upstream, speaks: str
) -> None:
    with pytest.raises(lib.PermissionDeniedError) as refused:
        await anthropic.messages.create(**ask(f"Pay to {IBAN}"))
    body: Any = refused.value.body
    assert (body["type"], body["error"]["type"], body["error"]["code"]) == (
        "error",
        "permission_error",
        "content_filter",
    )
    assert not server.seen
    assert not chat_server.seen


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools.0"),
        ({"mcp_servers": [{"type": "url", "url": "https://example.com", "name": "x"}]}, "mcp_servers"),
        ({"messages": []}, "messages"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"metadata": {"user_id": "x" * 200}}, "metadata.user_id"),
    ],
)
async def test_what_cannot_be_judged_or_is_wrong_is_refused_by_name(
    anthropic: AsyncAnthropic, server: MessagesUpstream, more: dict[str, Any], field: str
) -> None:
    with pytest.raises(lib.BadRequestError) as refused:
        await anthropic.post("/v1/messages", cast_to=object, body={**ask("Hi"), **more})
    body: Any = refused.value.body
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["message"].startswith(f"{field}: ")
    assert not server.seen


@pytest.mark.parametrize("speaks", ["chat"])
async def test_a_part_without_counterpart_is_refused_and_costs_nothing(
    anthropic: AsyncAnthropic, services: Services, chat_server: Upstream
) -> None:
    bash: Any = {"type": "bash_20250124", "name": "bash"}
    with pytest.raises(lib.BadRequestError, match=r"tools\.0: type 'bash_20250124' has no counterpart"):
        await anthropic.messages.create(**ask("List the files", tools=[bash]))
    (row,) = await wait_for_calls(services, 1)
    assert (row["status"], row["tokens_in"], row["tokens_out"]) == (400, 0, 0)
    assert not chat_server.seen


@pytest.mark.parametrize("speaks", ["chat"])
async def test_a_server_that_wants_max_completion_tokens_gets_them(
    anthropic: AsyncAnthropic, chat_server: Upstream
) -> None:
    chat_server.refused_field = "max_tokens"
    for _ in range(2):
        assert (await stream_of(anthropic, **ask("Hello there"))).content[0].text.strip() == "Hello there"
    assert ["max_tokens" in body for body in chat_server.seen] == [True, False, False]
    assert chat_server.seen[-1]["max_completion_tokens"] == 100


async def test_a_server_s_error_keeps_its_words(anthropic: AsyncAnthropic, server: MessagesUpstream) -> None:
    server.fail, server.error = [400], {"type": "invalid_request_error", "message": "max_tokens: too large"}
    with pytest.raises(lib.BadRequestError, match="max_tokens: too large"):
        await anthropic.messages.create(**ask("Hi"))
    server.fail = [401]
    with pytest.raises(lib.APIStatusError) as refused:
        await anthropic.messages.create(**ask("Hi"))
    assert refused.value.status_code == 502
    assert "ML_GUARD_LLM_API_KEY" in str(refused.value)


async def test_an_error_in_a_stream_ends_it_with_the_server_s_words(
    anthropic: AsyncAnthropic, openai: AsyncOpenAI, server: MessagesUpstream, services: Services
) -> None:
    server.error_in_stream = True
    with pytest.raises(lib.APIStatusError, match="Overloaded"):
        await stream_of(anthropic, **ask("one two three"))
    chat: Any = {"model": "stub", "messages": [{"role": "user", "content": "one two"}]}
    with pytest.raises(openai_lib.APIError, match="Overloaded"):
        async for _ in await openai.chat.completions.create(**chat, stream=True):
            pass
    rows = await wait_for_calls(services, 2)
    assert [row["tokens_out"] > 0 for row in rows] == [True, True]


@BOTH
async def test_tokens_are_counted_by_the_server_or_estimated(
    anthropic: AsyncAnthropic, server: MessagesUpstream, speaks: str
) -> None:
    count = await anthropic.messages.count_tokens(
        model="stub", messages=[{"role": "user", "content": f"{SSN} " + "word " * 40}]
    )
    if speaks == "messages":
        assert count.input_tokens == 42
        assert SSN not in json.dumps(server.seen)
    else:
        assert 45 <= count.input_tokens <= 60


async def test_an_exceeded_budget_is_not_tried_again(
    anthropic: AsyncAnthropic, services: Services, admin: Any, project: str, server: MessagesUpstream
) -> None:
    budget = {"scope": "project", "scope_id": project, "measure": "tokens", "period": "day", "hard": 20}
    assert (await admin.put("/api/v1/budgets", json=budget)).status_code in (200, 201)
    with pytest.raises(lib.RateLimitError) as refused:
        await anthropic.with_options(max_retries=2).messages.create(**ask("Hi"))
    body: Any = refused.value.body
    assert (body["error"]["type"], body["error"]["code"]) == ("rate_limit_error", "budget_exceeded")
    assert not server.seen
