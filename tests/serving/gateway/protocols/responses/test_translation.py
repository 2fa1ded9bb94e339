"""Requests and answers, translated both ways, and held against the types of the official client."""

from typing import Any

import pytest
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from openai.types.responses.response_input_param import ResponseInputParam
from pydantic import TypeAdapter

from guard_store.spending.amounts import Amount
from serving.gateway.calls.tokens import read_usage
from serving.gateway.protocols.protocol import ModelRequest
from serving.gateway.protocols.responses.protocol import RESPONSES
from serving.http.problems import Unprocessable
from tests.support.responses_upstream import USAGE, call_item, reasoning_item, refusal_item, text_item

FUNCTION = {"name": "weather", "description": "The weather", "parameters": {"type": "object"}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}


def to_chat(items: Any, **more: Any) -> dict[str, Any]:
    return RESPONSES.request_to_chat({"model": "m", "input": items, **more})


def from_chat(messages: Any, **more: Any) -> dict[str, Any]:
    return RESPONSES.request_from_chat({"model": "m", "messages": messages, **more}, 9)


def read(**body: Any) -> ModelRequest:
    return RESPONSES.read_request({"input": "x", "model": "m", **body}, default_model=None, most_out=9)


CHATS: dict[str, list[dict[str, Any]]] = {
    "text": [{"role": "user", "content": "Hello"}],
    "roles": [{"role": role, "content": "x"} for role in ("system", "developer", "user", "assistant", "user")],
    "parts": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": "https://example.com/x.png", "detail": "low"}},
                {"type": "file", "file": {"filename": "x.txt", "file_data": "data:text/plain;base64,eA=="}},
            ],
        }
    ],
    "calls": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "I look.", "tool_calls": [CALL, {**CALL, "id": "call_2"}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Rain"},
        {
            "role": "tool",
            "tool_call_id": "call_2",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        },
    ],
    "custom": [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "custom", "custom": {"name": "shell", "input": "ls"}}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "x"},
    ],
    "reasoning": [
        {"role": "user", "content": "x"},
        {
            "role": "assistant",
            "content": None,
            "reasoning_details": [
                {
                    "type": "reasoning.summary",
                    "summary": "A",
                    "id": "rs_1",
                    "format": "openai-responses-v1",
                    "index": 0,
                },
                {"type": "reasoning.text", "text": "B", "id": "rs_1", "format": "openai-responses-v1", "index": 1},
                {"type": "reasoning.encrypted", "data": "C", "id": "rs_1", "format": "openai-responses-v1", "index": 2},
            ],
            "tool_calls": [CALL],
        },
    ],
}


@pytest.mark.parametrize("name", CHATS)
def test_messages_survive_the_way_to_responses_and_back(name: str) -> None:
    request = from_chat(CHATS[name])
    TypeAdapter(ResponseInputParam).validate_python(request["input"])
    assert RESPONSES.request_to_chat(request)["messages"] == CHATS[name]


def test_fields_of_a_request_in_chat_completions() -> None:
    schema = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    chat = to_chat(
        "Hello",
        instructions="Be brief.",
        tools=[{"type": "function", **FUNCTION}],
        tool_choice={"type": "function", "name": "weather"},
        text={"format": {"type": "json_schema", **schema}, "verbosity": "low"},
        max_output_tokens=5,
        reasoning={"effort": "low"},
        parallel_tool_calls=False,
        temperature=0.5,
        user="anna",
        include=["message.output_text.logprobs"],
        top_logprobs=2,
        store=False,
        truncation="auto",
        guided_json={"a": 1},
    )
    assert chat == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
        "tools": [{"type": "function", "function": FUNCTION}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "response_format": {"type": "json_schema", "json_schema": schema},
        "verbosity": "low",
        "max_completion_tokens": 5,
        "reasoning_effort": "low",
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "user": "anna",
        "logprobs": True,
        "top_logprobs": 2,
        "store": False,
        "guided_json": {"a": 1},
    }


def test_fields_of_a_request_of_chat_completions() -> None:
    schema = {"name": "answer", "schema": {"type": "object"}}
    request = from_chat(
        [{"role": "user", "content": "x"}],
        tools=[{"type": "function", "function": FUNCTION}],
        tool_choice={"type": "function", "function": {"name": "weather"}},
        response_format={"type": "json_schema", "json_schema": schema},
        max_tokens=5,
        reasoning_effort="high",
        logprobs=True,
        top_logprobs=3,
        n=1,
        frequency_penalty=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    assert request == {
        "model": "m",
        "input": [{"type": "message", "role": "user", "content": "x"}],
        "tools": [{"type": "function", "strict": False, **FUNCTION}],
        "tool_choice": {"type": "function", "name": "weather"},
        "text": {"format": {"type": "json_schema", **schema}},
        "max_output_tokens": 5,
        "reasoning": {"effort": "high"},
        "include": ["message.output_text.logprobs", "reasoning.encrypted_content"],
        "top_logprobs": 3,
        "store": False,
        "stream": True,
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tools": [{"type": kind}]}, "tools[0].type")
        for kind in ("web_search", "file_search", "code_interpreter", "mcp", "image_generation", "shell", "computer")
    ]
    + [
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": [1]}, "input"),
        ({"input": [{"type": "additional_tools", "tools": [{"type": "mcp"}]}]}, "input[0].tools[0].type"),
        ({"instructions": 1}, "instructions"),
        ({"text": "json"}, "text"),
        ({"stream_options": 1}, "stream_options"),
        ({"include": 1}, "include"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"stream": 1}, "stream"),
        ({"tools": {}}, "tools"),
    ],
)
def test_what_is_not_offered_is_refused_by_name(body: dict[str, Any], field: str) -> None:
    with pytest.raises(Unprocessable) as error:
        read(**body)
    assert error.value.members["param"] == field
    assert field in str(error.value)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"input": "x", "previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type"),
        ({"input": [{"type": "web_search_call", "id": "ws_1"}]}, "input[0].type"),
        ({"input": [{"role": "judge", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 1}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "video"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "input[0].content[0].file_id",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "u"}]}]},
            "input[0].content[0].file_url",
        ),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ({"input": "x", "tool_choice": {"type": "mcp"}}, "tool_choice.type"),
        ({"input": "x", "text": {"format": "json"}}, "text.format"),
    ],
)
def test_what_chat_completions_lack_is_refused_by_name(body: dict[str, Any], field: str) -> None:
    with pytest.raises(Unprocessable) as error:
        RESPONSES.request_to_chat({"model": "m", **body})
    assert error.value.members["param"] == field


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"n": 2}, "n"),
        ({"stop": "x"}, "stop"),
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"seed": 1}, "seed"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"web_search_options": {"x": 1}}, "web_search_options"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"response_format": "json"}, "response_format"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "name": "jo", "content": "x"}]}, "messages[0].name"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]}, "messages[0].tool_calls[0].function.name"),
    ],
)
def test_what_responses_lack_is_refused_by_name(more: dict[str, Any], field: str) -> None:
    with pytest.raises(Unprocessable) as error:
        RESPONSES.request_from_chat({"model": "m", "messages": [{"role": "user", "content": "x"}], **more}, 9)
    assert error.value.members["param"] == field


def response(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    head = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed"}
    return {**head, "output": list(output), "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], **more}


CITATION = {"type": "url_citation", "start_index": 0, "end_index": 1, "title": "T", "url": "https://example.com"}
OUTPUTS: dict[str, list[dict[str, Any]]] = {
    "text": [text_item("Hello")],
    "citation": [text_item("Hello", annotations=[CITATION])],
    "refusal": [refusal_item("No")],
    "calls": [text_item("I look."), call_item("{}"), call_item('{"a": 1}', call_id="call_2")],
    "reasoning": [reasoning_item("Thought", "e" * 80, "Deep"), text_item("Hello")],
    "log probabilities": [
        text_item("Hi", logprobs=[{"token": "Hi", "bytes": [72, 105], "logprob": -0.5, "top_logprobs": []}])
    ],
}


def without_ids(output: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in item.items() if k not in ("id", "status")} for item in output]


@pytest.mark.parametrize("name", OUTPUTS)
def test_answers_survive_the_way_to_chat_completions_and_back(name: str) -> None:
    whole = response(*OUTPUTS[name], usage=USAGE)
    chat = RESPONSES.answer_to_chat(whole)
    ChatCompletion.model_validate(chat)
    back = RESPONSES.answer_from_chat(chat, read(), read_usage(chat["usage"]) or Amount())
    Response.model_validate(back)
    assert without_ids(back["output"]) == without_ids(whole["output"])
    assert back["usage"] == USAGE
    assert back["id"] == "resp_1"


@pytest.mark.parametrize(
    ("reason", "finish_reason"), [("max_output_tokens", "length"), ("content_filter", "content_filter")]
)
def test_an_incomplete_answer_has_a_finish_reason(reason: str, finish_reason: str) -> None:
    whole = response(text_item("Hel"), status="incomplete", incomplete_details={"reason": reason})
    chat = RESPONSES.answer_to_chat(whole)
    assert chat["choices"][0]["finish_reason"] == finish_reason
    back = RESPONSES.answer_from_chat(chat, read(), Amount())
    assert (back["status"], back["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert back["output"][-1]["status"] == "incomplete"


def test_calls_are_the_finish_reason() -> None:
    assert RESPONSES.answer_to_chat(response(call_item("{}")))["choices"][0]["finish_reason"] == "tool_calls"


def test_a_failed_answer_is_an_error_with_its_words() -> None:
    error = {"code": "server_error", "message": "Out of memory"}
    assert RESPONSES.answer_to_chat(response(status="failed", error=error))["error"] == error
    assert "failed" in RESPONSES.answer_to_chat(response(status="failed", error=None))["error"]["message"]


def test_reasoning_in_other_fields_is_an_item_too() -> None:
    for message in (
        {"content": "x", "reasoning_content": "Thought"},
        {"content": "x", "reasoning": "Thought", "reasoning_content": "Thought"},
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Thought"}]},
                {"type": "text", "text": "x"},
            ]
        },
    ):
        answer = RESPONSES.answer_from_chat({"choices": [{"index": 0, "message": message}]}, read(), Amount())
        assert [item["type"] for item in answer["output"]] == ["reasoning", "message"]
        assert answer["output"][0]["content"] == [{"type": "reasoning_text", "text": "Thought"}]
        assert answer["output"][1]["content"][0]["text"] == "x"


def test_interleaved_calls_and_results_stay_in_order() -> None:
    items = [
        {"role": "user", "content": "x"},
        call_item("{}"),
        {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "Rain"}]},
        call_item("{}", call_id="call_2"),
        {"type": "function_call_output", "call_id": "call_2", "output": "Sun"},
        text_item("Done"),
        text_item("Really"),
    ]
    roles = [message["role"] for message in to_chat(items)["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "tool", "assistant", "assistant"]
