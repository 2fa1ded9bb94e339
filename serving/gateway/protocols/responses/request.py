"""Requests: which of Responses are answered, and their fields and those of chat completions."""

from collections.abc import Mapping
from typing import Any, Final

from serving.gateway.protocols.fields import read_objects, wrong_field
from serving.gateway.protocols.responses.items import items_to_messages, messages_to_items
from serving.gateway.protocols.responses.tools import (
    check_tools,
    choice_from_chat,
    choice_to_chat,
    tools_from_chat,
    tools_to_chat,
)

LOGPROBS: Final = "message.output_text.logprobs"
_ENCRYPTED: Final = "reasoning.encrypted_content"
_REFUSED: Final = {
    "background": "is not offered: the policy reads an answer as it is given; leave it out",
    "conversation": "is not offered: the server would add texts that the content policy has not read; send them as input",
    "prompt": "is not offered: the server would add texts that the content policy has not read; send them as input",
}
_TYPES: Final = {
    "include": (list, "a list"),
    "instructions": (str, "a text"),
    "reasoning": (dict, "an object"),
    "stream_options": (dict, "an object"),
    "text": (dict, "an object"),
}
_TO_CHAT: Final = {"max_output_tokens": "max_completion_tokens"}
_REFERENCE: Final = "item_reference"  # ids of items cannot be sealed for their project, as those of responses are
_STORED: Final = "refers to what a server of Responses has stored; this one speaks chat completions: send it as input"
_NOT_IN_CHAT: Final = frozenset(
    {
        "include",
        "input",
        "instructions",
        "max_tool_calls",
        "metadata",
        "reasoning",
        "stream_options",
        "text",
        "truncation",
    }
)
"""Fields that are translated, or of no effect without what the server stores or runs."""
_NOT_IN_RESPONSES: Final = (
    "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "presence_penalty", "seed", "stop",
    "web_search_options",
)  # fmt: skip
_FROM_CHAT: Final = frozenset(
    {
        *_NOT_IN_RESPONSES, "logprobs", "max_completion_tokens", "max_tokens", "messages", "modalities", "n",
        "prediction", "reasoning", "reasoning_effort", "response_format", "store", "stream_options", "tool_choice",
        "tools", "verbosity",
    }
)  # fmt: skip
"""Fields of chat completions that are translated; others are the same, or unknown."""


def check_own_request(body: Mapping[str, Any]) -> None:
    """Allow only what the policy can read.

    Raises
    ------
    Unprocessable
        If a field is wrong, or lets the server add texts that the policy has not read.
    """
    for name, reason in _REFUSED.items():
        if body.get(name):
            raise wrong_field(name, reason)
    if not isinstance(body.get("input"), str) or not body["input"]:
        read_objects(body, "input", "item, or a text")
    for name, (kind, words) in _TYPES.items():
        if not isinstance(body.get(name) or kind(), kind):
            raise wrong_field(name, f"must be {words}")
    if body.get("tools") is not None:
        check_tools(body["tools"], "tools")
    for place, item in enumerate(body["input"]):
        if isinstance(item, dict) and item.get("type") == _REFERENCE:
            raise wrong_field(f"input[{place}].type", f"{_REFERENCE} is not offered: send the item itself")
        if isinstance(item, dict) and "tools" in item:
            check_tools(item["tools"], f"input[{place}].tools")


def request_to_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """Translate a request of Responses; fields of both, and unknown ones, stay as they are.

    Raises
    ------
    Unprocessable
        If a part of it has no counterpart in chat completions.
    """
    if body.get("previous_response_id"):
        raise wrong_field("previous_response_id", _STORED)
    chat: dict[str, Any] = {
        _TO_CHAT.get(name, name): value
        for name, value in body.items()
        if name not in _NOT_IN_CHAT and name not in _REFUSED and value is not None
    }
    chat.pop("previous_response_id", None)
    system = [{"role": "system", "content": body["instructions"]}] if body.get("instructions") else []
    chat["messages"] = [*system, *items_to_messages(body["input"])]
    if "tools" in chat:
        chat["tools"] = tools_to_chat(chat["tools"])
    if not chat.get("tools"):
        chat.pop("tools", None)
    if "tool_choice" in chat:
        chat["tool_choice"] = choice_to_chat(chat["tool_choice"])
    if LOGPROBS in (body.get("include") or ()):
        chat["logprobs"] = True
    else:
        chat.pop("top_logprobs", None)
    if body.get("store") is True and body.get("metadata"):  # which OpenAI accepts for stored completions only
        chat["metadata"] = body["metadata"]
    return chat | _text_to_chat(body.get("text") or {}) | _reasoning_to_chat(body.get("reasoning") or {})


def _text_to_chat(text: Mapping[str, Any]) -> dict[str, Any]:
    fields = {} if text.get("verbosity") is None else {"verbosity": text["verbosity"]}
    form = text.get("format")
    if form is None:
        return fields
    if not isinstance(form, dict):
        raise wrong_field("text.format", "must be an object")
    kind = form.get("type")
    if kind == "json_schema":
        schema = {name: value for name, value in form.items() if name != "type" and value is not None}
        return fields | {"response_format": {"type": kind, kind: schema}}
    return fields if kind == "text" else fields | {"response_format": form}


def _reasoning_to_chat(reasoning: Mapping[str, Any]) -> dict[str, Any]:
    return {"reasoning_effort": reasoning["effort"]} if reasoning.get("effort") else {}


def request_from_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """Translate a request of chat completions; raises `Unprocessable` if a part of it has no counterpart in Responses."""
    for name in _NOT_IN_RESPONSES:
        if body.get(name):
            raise wrong_field(name, "has no counterpart in Responses, which the server speaks; leave it out")
    if (body.get("n") or 1) != 1:
        raise wrong_field("n", "must be 1: the server speaks Responses, which gives one answer")
    modalities = body.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        raise wrong_field("modalities", "must be ['text']: the server speaks Responses, which gives texts")
    request = {name: value for name, value in body.items() if name not in _FROM_CHAT and value is not None}
    request["input"] = messages_to_items(body["messages"])
    request["store"] = body.get("store") is True  # as in chat completions, unless the caller has it stored
    bound = body.get("max_completion_tokens") or body.get("max_tokens")
    if bound:
        request["max_output_tokens"] = bound
    if body.get("tools"):
        request["tools"] = tools_from_chat(body["tools"])
    if body.get("tool_choice") is not None:
        request["tool_choice"] = choice_from_chat(body["tool_choice"])
    text = _text_from_chat(body)
    reasoning = _reasoning_from_chat(body)
    include = [LOGPROBS] if body.get("logprobs") else []
    if reasoning and not request["store"]:  # without it the server could not go on from its own reasoning
        include.append(_ENCRYPTED)
    fields = {"text": text, "reasoning": reasoning, "include": include}
    return request | {name: value for name, value in fields.items() if value}


def _text_from_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    text = {} if body.get("verbosity") is None else {"verbosity": body["verbosity"]}
    form = body.get("response_format")
    if form is None:
        return text
    if not isinstance(form, dict):
        raise wrong_field("response_format", "must be an object")
    kind = form.get("type")
    if kind != "json_schema":
        return text | {"format": form}
    schema = form.get(kind)
    if not isinstance(schema, dict):
        raise wrong_field("response_format.json_schema", "must be an object")
    return text | {"format": {"type": kind, **schema}}


def _reasoning_from_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    given = body.get("reasoning")
    reasoning = (
        {name: given[name] for name in ("effort", "summary") if given.get(name)} if isinstance(given, dict) else {}
    )
    if body.get("reasoning_effort"):
        reasoning["effort"] = body["reasoning_effort"]
    return reasoning
