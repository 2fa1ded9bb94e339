"""What callers of Responses do, with servers of both protocols; and callers of chat completions with a server of Responses."""

import json
from typing import Any

import openai as lib
import pytest
from openai import AsyncOpenAI
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from guard_core.settings.llm import ProtocolName
from serving.app import Services
from tests.support.gateway import SSN
from tests.support.responses_upstream import ResponsesUpstream, call_item, reasoning_item, refusal_item, text_item
from tests.support.upstream import Upstream

PICTURE = "data:image/png;base64," + "iVBORw0KGgo" * 10
TOOL: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}
ARGUMENTS = '{"city": "Paris", "days": 3}'
only_chat = pytest.mark.parametrize("protocol", ["chat"], indirect=True)
only_responses = pytest.mark.parametrize("protocol", ["responses"], indirect=True)
whole_and_streamed = pytest.mark.parametrize("stream", [False, True])


async def respond(openai: AsyncOpenAI, *, stream: bool, **body: Any) -> Response:
    """Return the final response; each event of a stream must be one of the official types, in order, and add up to it."""
    if not stream:
        answer = await openai.responses.create(model="stub", **body)
        assert isinstance(answer, Response)
        Response.model_validate(answer.model_dump())
        return answer
    events: list[Any] = [event async for event in await openai.responses.create(model="stub", stream=True, **body)]
    for number, event in enumerate(events):
        TypeAdapter(ResponseStreamEvent).validate_python(event.model_dump())
        assert event.sequence_number == number
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    final: Response = events[-1].response
    assert final.id == events[0].response.id
    done = [event.item for event in events if event.type == "response.output_item.done"]
    assert [item.model_dump() for item in done] == [item.model_dump() for item in final.output]
    texts = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert texts == final.output_text
    calls = "".join(event.delta for event in events if event.type == "response.function_call_arguments.delta")
    assert calls == "".join(item.arguments for item in final.output if item.type == "function_call")
    return final


def say(upstream: Upstream, text: str) -> None:
    """Have the server answer a text; the one of chat completions ends each word of a stream with a space."""
    upstream.say = text


@whole_and_streamed
async def test_a_text(openai: AsyncOpenAI, upstream: Upstream, stream: bool) -> None:
    say(upstream, "Hello there")
    answer = await respond(openai, stream=stream, input="Hi", instructions="Be brief.", metadata={"a": "b"})
    assert answer.output_text.strip() == "Hello there"
    assert (answer.status, answer.model, answer.instructions) == ("completed", "stub", "Be brief.")
    assert answer.usage is not None
    assert answer.usage.output_tokens > 0


@whole_and_streamed
async def test_a_loop_of_tools(openai: AsyncOpenAI, upstream: Upstream, stream: bool) -> None:
    if isinstance(upstream, ResponsesUpstream):
        upstream.output = [reasoning_item("I need it", "e" * 80), call_item(ARGUMENTS)]
    question: Any = [{"role": "user", "content": "Weather?"}]
    answer = await respond(openai, stream=stream, input=question, tools=[TOOL], tool_choice="auto")
    (call,) = [item for item in answer.output if item.type == "function_call"]
    assert (call.name, call.arguments, call.call_id) == ("weather", ARGUMENTS, "call_1")
    if isinstance(upstream, ResponsesUpstream):
        upstream.output = None
    say(upstream, "Rain")
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "wet"}
    history = [*question, *(item.model_dump(exclude_none=True) for item in answer.output), result]
    final = await respond(openai, stream=stream, input=history)
    assert final.output_text.strip() == "Rain"
    sent = upstream.seen[-1]
    if isinstance(upstream, ResponsesUpstream):
        assert sent["input"][1]["id"] == "rs_1"
        assert sent["input"][1]["encrypted_content"] == "e" * 80
        assert sent["input"][-1] == result
    else:
        assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "tool"]
        assert sent["messages"][1]["tool_calls"][0]["function"] == {"name": "weather", "arguments": ARGUMENTS}
        assert sent["messages"][2] == {"role": "tool", "tool_call_id": "call_1", "content": "wet"}


class City(BaseModel):
    name: str
    people: int


async def test_structured_output(openai: AsyncOpenAI, upstream: Upstream) -> None:
    say(upstream, '{"name":"Paris","people":2}')
    answer = await openai.responses.parse(model="stub", input="Which?", text_format=City)
    assert answer.output_parsed == City(name="Paris", people=2)
    sent = upstream.seen[0]
    schema = sent["response_format"]["json_schema"] if "response_format" in sent else sent["text"]["format"]
    assert (schema["name"], schema["strict"]) == ("City", True)


async def test_the_streaming_helper_accumulates_the_response(openai: AsyncOpenAI, upstream: Upstream) -> None:
    say(upstream, '{"name":"Paris","people":2}')
    async with openai.responses.stream(model="stub", input="Which?", text_format=City) as stream:
        events: list[Any] = [event async for event in stream]
        final = await stream.get_final_response()
    assert final.output_parsed == City(name="Paris", people=2)
    deltas = [event for event in events if event.type == "response.output_text.delta"]
    assert deltas[-1].snapshot == final.output_text


async def test_images_and_files(openai: AsyncOpenAI, upstream: Upstream) -> None:
    say(upstream, "A cat")
    content: Any = [
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_image", "image_url": PICTURE, "detail": "low"},
        {"type": "input_file", "filename": "x.txt", "file_data": "data:text/plain;base64,eA=="},
    ]
    raw = await openai.responses.with_raw_response.create(model="stub", input=[{"role": "user", "content": content}])
    assert "image" in raw.headers["x-ml-guard-unread"]
    sent = upstream.seen[0]
    if "messages" in sent:
        image = {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}}
        assert sent["messages"][0]["content"][1] == image
        assert sent["messages"][0]["content"][2]["file"]["filename"] == "x.txt"
    else:
        assert sent["input"][0]["content"] == content


async def test_references_to_files_are_counted_as_unread(openai: AsyncOpenAI, upstream: Upstream) -> None:
    content: Any = [{"type": "input_file", "file_id": "file-1"}]
    raw = await openai.responses.with_raw_response.create(model="stub", input=[{"role": "user", "content": content}])
    assert raw.headers["x-ml-guard-unread"] == "file"


@only_responses
async def test_a_whole_answer_of_a_server_of_responses_is_passed_on_unchanged(
    openai: AsyncOpenAI, responses_server: ResponsesUpstream
) -> None:
    responses_server.output = [reasoning_item("Thought", "e" * 80), text_item("Hello")]
    responses_server.ending = {"anything": ["new", 1]}
    raw = await openai.responses.with_raw_response.create(model="stub", input="x")
    answer, sent = json.loads(raw.text), responses_server.response_to(responses_server.seen[0])
    assert answer.pop("id").startswith(f"{sent.pop('id')}.")
    assert answer == sent
    assert responses_server.seen[0] == {"model": "stub", "input": "x"}


@only_responses
@whole_and_streamed
async def test_a_stored_response_can_be_continued_by_its_own_project_alone(
    openai: AsyncOpenAI, responses_server: ResponsesUpstream, services: Services, base_url: str, stream: bool
) -> None:
    first = await respond(openai, stream=stream, input="x")
    await openai.responses.create(model="stub", input="y", previous_response_id=first.id)
    assert responses_server.seen[-1]["previous_response_id"] == responses_server.response_to({"model": "stub"})["id"]
    services.projects.create("others", "others")
    _, secret = services.keys.create("app", "analyst", "others")
    async with AsyncOpenAI(base_url=f"{base_url}/v1", api_key=secret, max_retries=0) as other:
        for stolen in (first.id, first.id.partition(".")[0]):
            with pytest.raises(lib.BadRequestError, match="no id of a response that this project has received"):
                await other.responses.create(model="stub", input="y", previous_response_id=stolen)
    assert len(responses_server.seen) == 2


@whole_and_streamed
@only_chat
async def test_what_only_a_server_of_responses_has_is_refused_with_the_reason(
    openai: AsyncOpenAI, stream: bool
) -> None:
    with pytest.raises(lib.BadRequestError, match="no id of a response that this project has received") as error:
        await openai.responses.create(model="stub", input="x", previous_response_id="resp_1", stream=stream)
    assert error.value.param == "previous_response_id"


async def test_tools_of_the_server_are_refused_with_the_reason(openai: AsyncOpenAI, upstream: Upstream) -> None:
    with pytest.raises(lib.BadRequestError, match="unread by the content policy"):
        await openai.responses.create(model="stub", input="x", tools=[{"type": "web_search"}])
    assert not upstream.seen


@whole_and_streamed
@only_responses
async def test_reasoning_and_refusals(openai: AsyncOpenAI, responses_server: ResponsesUpstream, stream: bool) -> None:
    responses_server.output = [reasoning_item("A thought", "e" * 80, "More of it"), refusal_item("I will not")]
    answer = await respond(openai, stream=stream, input="x", reasoning={"effort": "low", "summary": "auto"})
    thought, message = answer.output
    assert thought.type == "reasoning"
    assert (thought.id, thought.summary[0].text, thought.encrypted_content) == ("rs_1", "A thought", "e" * 80)
    assert thought.content is not None
    assert thought.content[0].text == "More of it"
    assert message.type == "message"
    assert message.content[0].type == "refusal"
    assert message.content[0].refusal == "I will not"


@whole_and_streamed
@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
@only_responses
async def test_an_incomplete_answer(
    openai: AsyncOpenAI, responses_server: ResponsesUpstream, stream: bool, reason: Any
) -> None:
    responses_server.ending = {"status": "incomplete", "incomplete_details": {"reason": reason}}
    answer = await respond(openai, stream=stream, input="x")
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == reason


@only_chat
async def test_the_server_of_chat_completions_stops_at_the_maximum(openai: AsyncOpenAI, chat_server: Upstream) -> None:
    chat_server.events = [{"choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": "length"}]}]
    answer = await respond(openai, stream=True, input="x", max_output_tokens=1)
    assert (answer.status, answer.output_text) == ("incomplete", "Hel")
    assert chat_server.seen[0]["max_completion_tokens"] == 1


@whole_and_streamed
@only_responses
async def test_a_chat_with_a_server_of_responses(
    openai: AsyncOpenAI, responses_server: ResponsesUpstream, stream: bool
) -> None:
    responses_server.output = [reasoning_item("A thought", "e" * 80), text_item("Let me see."), call_item(ARGUMENTS)]
    tool: Any = {"type": "function", "function": {k: v for k, v in TOOL.items() if k != "type"}}
    body: Any = {"model": "stub", "messages": [{"role": "user", "content": "Weather?"}], "tools": [tool]}
    if stream:
        state = ChatCompletionStreamState()
        async for chunk in await openai.chat.completions.create(
            **body, stream=True, stream_options={"include_usage": True}
        ):
            state.handle_chunk(chunk)
        answer: Any = state.get_final_completion()
    else:
        answer = await openai.chat.completions.create(**body)
    choice = answer.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("Let me see.", "tool_calls")
    call = choice.message.tool_calls[0]
    assert (call.id, call.function.name, call.function.arguments) == ("call_1", "weather", ARGUMENTS)
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11, 7)
    assert answer.usage.prompt_tokens_details.cached_tokens == 4
    assert responses_server.seen[0]["tools"] == [TOOL]
    assert responses_server.seen[0]["store"] is False
    responses_server.output = [text_item("Rain")]
    message = choice.message.model_dump(exclude_none=True)
    assert message["reasoning"] == "A thought"  # many clients read no details
    details = message["reasoning_details"]
    assert [detail["type"] for detail in details] == ["reasoning.summary", "reasoning.encrypted"]
    body["messages"] += [message, {"role": "tool", "tool_call_id": "call_1", "content": "wet"}]
    await openai.chat.completions.create(**body)
    sent = responses_server.seen[-1]["input"]
    assert [item["type"] for item in sent] == [
        "message",
        "reasoning",
        "message",
        "function_call",
        "function_call_output",
    ]
    assert sent[1] == reasoning_item("A thought", "e" * 80)


@only_responses
async def test_several_choices_are_refused_by_name(openai: AsyncOpenAI, responses_server: ResponsesUpstream) -> None:
    with pytest.raises(lib.BadRequestError, match="n: must be 1"):
        await openai.chat.completions.create(model="stub", messages=[{"role": "user", "content": "x"}], n=2)
    assert not responses_server.seen


@whole_and_streamed
async def test_the_servers_words_for_a_wrong_request_are_passed_on(
    openai: AsyncOpenAI, upstream: Upstream, stream: bool
) -> None:
    upstream.fail, upstream.error = [400], {"message": "Unknown parameter: 'x'", "param": "x"}
    with pytest.raises(lib.BadRequestError, match="Unknown parameter: 'x'"):
        await openai.responses.create(model="stub", input="x", stream=stream)
    upstream.fail = [500]
    with pytest.raises(lib.InternalServerError) as error:
        await openai.responses.create(model="stub", input="x", stream=stream)
    assert error.value.status_code == 502


@only_responses
async def test_a_failed_response_is_an_error_with_its_words(
    openai: AsyncOpenAI, responses_server: ResponsesUpstream
) -> None:
    error = {"code": "server_error", "message": "The model is out of memory"}
    responses_server.ending = {"status": "failed", "error": error, "output": []}
    with pytest.raises(lib.InternalServerError, match="The model is out of memory"):
        await openai.responses.create(model="stub", input="x")
    with pytest.raises(lib.APIError, match="The model is out of memory"):
        await respond(openai, stream=True, input="x")
    with pytest.raises(lib.APIError, match="The model is out of memory"):
        async for _ in await openai.chat.completions.create(
            model="stub", messages=[{"role": "user", "content": "x"}], stream=True
        ):
            pass


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


async def raw_stream(openai: AsyncOpenAI) -> list[dict[str, Any]]:
    async with openai.responses.with_streaming_response.create(model="stub", input="x", stream=True) as answer:
        return [json.loads(line[6:]) async for line in answer.iter_lines() if line.startswith("data: ")]


@only_responses
async def test_an_error_in_a_stream_is_the_last_event_and_counted(
    openai: AsyncOpenAI, responses_server: ResponsesUpstream
) -> None:
    responses_server.delay_s = 0.05
    responses_server.events = [
        {"type": "response.created", "response": {"id": "resp_1", "model": "stub", "created_at": 1}},
        {
            "type": "response.output_text.delta",
            "output_index": 0,
            "content_index": 0,
            "item_id": "m",
            "delta": "Hello ",
        },
        {"type": "error", "code": "rate_limit_exceeded", "message": "Too many", "param": None, "sequence_number": 2},
    ]
    events = await raw_stream(openai)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["type"] == "error"
    assert "Too many" in events[-1]["message"]
    with pytest.raises(lib.APIError, match="Too many"):
        await respond(openai, stream=True, input="x")


@only_responses
async def test_a_server_that_sends_only_the_ends_of_items(
    openai: AsyncOpenAI, responses_server: ResponsesUpstream
) -> None:
    output = [reasoning_item("A thought"), text_item("Hello"), call_item(ARGUMENTS)]
    whole = {**responses_server.response_to({"model": "stub"}), "output": output}
    done = [
        {"type": "response.output_item.done", "output_index": place, "item": item} for place, item in enumerate(output)
    ]
    for events in (
        [*done, {"type": "response.completed", "response": whole}],
        [{"type": "response.completed", "response": whole}],
    ):
        responses_server.stream = sse(*events)
        answer = await respond(openai, stream=True, input="x")
        assert [item.type for item in answer.output] == ["reasoning", "message", "function_call"]
        assert answer.output_text == "Hello"
    responses_server.stream = json.dumps(whole).encode()  # a whole answer in place of a stream
    answer = await respond(openai, stream=True, input="x")
    assert [item.type for item in answer.output] == ["reasoning", "message", "function_call"]


@only_responses
async def test_keep_alives_are_comments(openai: AsyncOpenAI, responses_server: ResponsesUpstream) -> None:
    whole = responses_server.response_to({"model": "stub"})
    responses_server.stream = b": ping\n\n" + sse({"type": "response.completed", "response": whole})
    async with openai.responses.with_streaming_response.create(model="stub", input="x", stream=True) as answer:
        assert (await answer.read()).startswith(b": ")


async def test_tokens_are_counted_by_the_server_or_estimated(
    openai: AsyncOpenAI, responses_server: ResponsesUpstream, protocol: ProtocolName
) -> None:
    count = await openai.responses.input_tokens.count(model="stub", input=f"{SSN} " + "word " * 40)
    if protocol == "responses":
        assert count.input_tokens == 42
        assert SSN not in json.dumps(responses_server.seen)
    else:
        assert 45 <= count.input_tokens <= 60
