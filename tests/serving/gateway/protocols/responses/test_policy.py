"""The content policy and the accounts on Responses, with servers of both protocols: nothing passes in any place."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import openai as lib
import pytest
from openai import AsyncOpenAI
from openai.types.responses import Response

from serving.app import Services
from tests.support.gateway import LONG, wait_for_calls
from tests.support.ledger import read_ledger
from tests.support.responses_upstream import ResponsesUpstream, call_item, reasoning_item, refusal_item, text_item
from tests.support.upstream import Upstream

SECRETS = ("123-45-6789", "Project Bluebird")
only_responses = pytest.mark.parametrize("protocol", ["responses"], indirect=True)
only_chat = pytest.mark.parametrize("protocol", ["chat"], indirect=True)
secrets = pytest.mark.parametrize("secret", SECRETS)


def file_of(text: str) -> str:
    return "data:text/plain;base64," + base64.b64encode((text + " " * 60).encode()).decode()


def items(*given: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": "x"}, *given]}


def user(*parts: Any) -> dict[str, Any]:
    return items({"role": "user", "content": list(parts)})


def function(**of: Any) -> dict[str, Any]:
    return {"input": "x", "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": False, **of}]}


IN: dict[str, Callable[[str], dict[str, Any]]] = {
    "input": lambda t: {"input": t},
    "instructions": lambda t: {"input": "x", "instructions": t},
    "message": lambda t: items({"role": "developer", "content": t}),
    "part": lambda t: user({"type": "input_text", "text": t}),
    "image": lambda t: user({"type": "input_image", "image_url": f"https://example.com/?q={t}", "detail": "auto"}),
    "file": lambda t: user({"type": "input_file", "filename": "x.txt", "file_data": file_of(t)}),
    "file name": lambda t: user({"type": "input_file", "filename": t, "file_data": file_of("x")}),
    "answer": lambda t: items(text_item(t)),
    "refusal": lambda t: items(refusal_item(t)),
    "call": lambda t: items(call_item(json.dumps({"a": t}))),
    "call id": lambda t: items({"type": "function_call_output", "call_id": t, "output": "x"}),
    "result": lambda t: items({"type": "function_call_output", "call_id": "c", "output": t}),
    "result part": lambda t: items(
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": t}]}
    ),
    "summary": lambda t: items(reasoning_item(t)),
    "thought": lambda t: items(reasoning_item("x", text=t)),
    "encrypted": lambda t: items(reasoning_item("x", encrypted=t)),
    "tool": lambda t: function(description=t),
    "tool name": lambda t: function(name=t),
    "parameter": lambda t: function(parameters={"type": "object", "properties": {t: {"type": "string"}}}),
    "choice": lambda t: {**function(), "tool_choice": {"type": "function", "name": t}},
    "schema": lambda t: {"input": "x", "text": {"format": {"type": "json_schema", "name": t, "schema": {}}}},
    "metadata": lambda t: {"input": "x", "metadata": {"about": t}},
    "metadata name": lambda t: {"input": "x", "metadata": {t: "about"}},
    "end user": lambda t: {"input": "x", "user": t},
    "identifier": lambda t: {"input": "x", "safety_identifier": t},
    "other": lambda t: {"input": "x", "extra_body": {"guided_json": {"anything": [t]}}},
}


def shows(value: Any, secret: str) -> bool:
    if isinstance(value, dict):
        return any(shows(item, secret) for pair in value.items() for item in pair)
    if isinstance(value, list):
        return any(shows(item, secret) for item in value)
    if isinstance(value, str) and value.startswith("data:text/plain;base64,"):
        value = base64.b64decode(value.partition(",")[2]).decode()
    return secret in str(value)


@secrets
async def test_no_place_of_a_request(strict: dict[str, AsyncOpenAI], upstream: Upstream, secret: str) -> None:
    upstream.say = "Fine"
    for place, make in IN.items():
        upstream.seen.clear()
        await strict["redact"].responses.create(model="stub", **make(f"the {secret} now"))
        assert upstream.seen, place
        assert not shows(upstream.seen, secret), place
        upstream.seen.clear()
        if place in ("end user", "identifier"):  # of whom a pseudonym goes out
            continue
        with pytest.raises(lib.PermissionDeniedError) as error:
            await strict["block"].responses.create(model="stub", **make(f"the {secret} now"))
        assert error.value.code == "content_filter"
        assert not upstream.seen, place


def logprobs(text: str) -> list[dict[str, Any]]:
    return [{"token": c, "bytes": list(c.encode()), "logprob": -1.0, "top_logprobs": []} for c in text]


CITATION = {"type": "url_citation", "start_index": 0, "end_index": 1, "url": "https://example.com"}
OUT: dict[str, Callable[[str], list[dict[str, Any]]]] = {
    "text": lambda t: [text_item(t)],
    "refusal": lambda t: [refusal_item(t)],
    "arguments": lambda t: [call_item(json.dumps({"say": t}))],
    "name": lambda t: [call_item("{}", name=t)],
    "summary": lambda t: [reasoning_item(t), text_item("x")],
    "thought": lambda t: [reasoning_item("x", text=t), text_item("x")],
    "citation": lambda t: [text_item("x", annotations=[{**CITATION, "title": t}])],
    "log probabilities": lambda t: [text_item(t, logprobs=logprobs(t))],
    "second item": lambda t: [text_item("Let me see. "), call_item(json.dumps({"say": t}))],
}


@secrets
@only_responses
async def test_no_place_of_a_whole_answer(
    strict: dict[str, AsyncOpenAI], responses_server: ResponsesUpstream, secret: str
) -> None:
    for place, make in OUT.items():
        responses_server.output = make(f"the {secret} now")
        answer = await strict["redact"].responses.create(model="stub", input="x")
        assert not shows(answer.model_dump(), secret), place
        spelled = "".join(
            entry.token for item in answer.output if item.type == "message" for part in item.content
            if part.type == "output_text" for entry in part.logprobs or ()
        )  # fmt: skip
        assert secret not in spelled
        assert answer.status == "completed"
        answer = await strict["block"].responses.create(model="stub", input="x")
        assert answer.output == [], place
        assert (answer.status, answer.incomplete_details and answer.incomplete_details.reason) == (
            "incomplete",
            "content_filter",
        )
        Response.model_validate(answer.model_dump())


@only_responses
async def test_log_probabilities_of_an_unchanged_text_are_passed_on(
    strict: dict[str, AsyncOpenAI], responses_server: ResponsesUpstream
) -> None:
    responses_server.output = OUT["log probabilities"]("fine")
    answer: Any = await strict["redact"].responses.create(model="stub", input="x")
    assert [entry.token for entry in answer.output[0].content[0].logprobs] == list("fine")


@secrets
@only_responses
@pytest.mark.parametrize("cuts", [1, 4, 50])
async def test_no_place_of_a_stream(
    strict: dict[str, AsyncOpenAI], responses_server: ResponsesUpstream, secret: str, cuts: int
) -> None:
    responses_server.cuts = cuts
    for place, make in OUT.items():
        responses_server.output = make(f"the {secret} now, and more")
        for action, status in (("redact", "completed"), ("block", "incomplete")):
            stream = await strict[action].responses.create(model="stub", input="x", stream=True)
            events: list[Any] = [event async for event in stream]
            assert not shows([event.model_dump() for event in events], secret), place
            final = events[-1].response
            assert final.status == status, place
            texts = "".join(event.delta for event in events if event.type.endswith(".delta"))
            assert secret not in texts
            if action == "redact" and place != "name":
                assert final.output[-1].type == responses_server.output[-1]["type"]
                assert "[" in json.dumps(final.model_dump()["output"]), place


async def test_a_secret_that_is_split_at_every_byte(
    strict: dict[str, AsyncOpenAI], upstream: Upstream, chat_server: Upstream
) -> None:
    text = f"It is {SECRETS[0]}, and more"
    if isinstance(upstream, ResponsesUpstream):
        upstream.cuts, upstream.output = 1, [text_item(text)]
    else:
        deltas = [{"choices": [{"index": 0, "delta": {"content": c}, "finish_reason": None}]} for c in text]
        upstream.events = [*deltas, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]
    answer = [e async for e in await strict["redact"].responses.create(model="stub", input="x", stream=True)]
    final: Any = answer[-1]
    assert final.response.output_text == "It is [SSN_1], and more"
    answer = [e async for e in await strict["block"].responses.create(model="stub", input="x", stream=True)]
    final = answer[-1]
    assert final.type == "response.incomplete"
    assert final.response.incomplete_details.reason == "content_filter"
    assert "123" not in final.response.output_text


async def test_text_held_back_by_the_policy_stays_before_the_call(
    strict: dict[str, AsyncOpenAI], upstream: Upstream
) -> None:
    if isinstance(upstream, ResponsesUpstream):
        upstream.output = [text_item("Hello"), call_item("{}")]
    else:
        call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        deltas: list[Any] = [{"role": "assistant", "content": ""}, {"content": "Hello"}, {"tool_calls": [call]}]
        upstream.events = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        upstream.events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    events: list[Any] = [e async for e in await strict["redact"].responses.create(model="stub", input="x", stream=True)]
    assert [item.type for item in events[-1].response.output] == ["message", "function_call"]
    assert events[-1].response.output_text == "Hello"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_is_a_row_of_the_ledger(
    openai: AsyncOpenAI, upstream: Upstream, services: Services, stream: bool
) -> None:
    answer = await openai.responses.create(model="stub", input="one two three", stream=stream, user="anna")
    if stream:
        events: list[Any] = [event async for event in answer]  # type: ignore[union-attr]
        usage = events[-1].response.usage
    else:
        usage = answer.usage  # type: ignore[union-attr]
    (row,) = read_ledger(services, route="/v1/responses")
    assert (row["model"], row["end_user"], row["status"]) == ("stub", "anna", 200)
    assert (row["tokens_in"], row["tokens_out"]) == (usage.input_tokens, usage.output_tokens)
    assert not row["tokens_estimated"]
    if isinstance(upstream, ResponsesUpstream):
        assert (row["tokens_in"], row["tokens_cached"], row["tokens_out"]) == (11, 4, 7)
    assert row["cost_nano_usd"] > 0


async def test_what_does_not_fit_the_budget_is_refused(
    openai: AsyncOpenAI, upstream: Upstream, services: Services, project: str
) -> None:
    services.gateway.budgets.put("project", project, "tokens", "day", soft=None, hard=100)
    with pytest.raises(lib.RateLimitError) as error:
        await openai.responses.create(model="stub", input="x", max_output_tokens=200)
    assert error.value.code == "budget_exceeded"
    await openai.responses.create(model="stub", input="x", max_output_tokens=50)
    assert len(upstream.seen) == 1


async def test_an_aborted_stream_is_charged_for_what_was_produced(
    openai: AsyncOpenAI, upstream: Upstream, services: Services
) -> None:
    upstream.say, upstream.delay_s = LONG, 0.05
    stream = await openai.responses.create(model="stub", input="x", stream=True)
    count = 0
    async for event in stream:
        count += event.type == "response.output_text.delta"
        if count == 3:
            break
    await stream.close()
    (row,) = await wait_for_calls(services, 1)
    await asyncio.sleep(0.2)
    assert json.loads(row["details"])["aborted"]
    assert 0 < row["tokens_out"] < 40
    assert upstream.tokens_out < 40
