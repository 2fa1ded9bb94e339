"""Whole answers of Messages, to and from chat completions; reasons of their end and usage, which streams have too."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from guard_store.spending.amounts import Amount
from serving.gateway.calls.tokens import read_count
from serving.gateway.upstreams.decoding import join_parts, list_objects

REASONS_TO_CHAT: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_REASONS_FROM_CHAT: Final[Mapping[str, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
WITHHELD: Final = "refusal"
"""Reason of the end of an answer that the policy withholds."""


def answer_to_chat(answer: dict[str, Any]) -> dict[str, Any]:
    """Translate a server's answer; anything else, such as an error, stays what it is."""
    blocks = answer.get("content")
    if answer.get("type") != "message" or not isinstance(blocks, list):
        return answer
    blocks = list_objects(blocks)
    texts = [str(block.get("text", "")) for block in blocks if block.get("type") == "text"]
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts else None}
    calls = [tool_call(block) for block in blocks if block.get("type") == "tool_use"]
    if calls:
        message["tool_calls"] = calls
    details = [detail for place, block in enumerate(blocks) for detail in reasoning_details(block, place)]
    if details:
        message["reasoning"] = "".join(detail.get("text", "") for detail in details)
        message["reasoning_details"] = details
    reason = REASONS_TO_CHAT.get(str(answer.get("stop_reason")), "stop")
    return {
        "id": answer.get("id", ""),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": answer.get("model", ""),
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": usage_to_chat(answer.get("usage")),
    }


def tool_call(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return the call of a block `tool_use` as chat completions have it."""
    arguments = msgspec.json.encode(block.get("input") or {}).decode()
    function = {"name": block.get("name", ""), "arguments": arguments}
    return {"id": block.get("id", ""), "type": "function", "function": function}


def reasoning_details(block: Mapping[str, Any], place: int) -> Iterator[dict[str, Any]]:
    """Yield a block of thinking as `reasoning_details`, in which servers of chat completions (OpenRouter's) keep signatures.

    Parameters
    ----------
    place : of the block in its answer.
    """
    if block.get("type") == "thinking":
        signature = {"signature": block["signature"]} if block.get("signature") else {}
        yield {"type": "reasoning.text", "text": block.get("thinking") or "", **signature, "index": place}
    elif block.get("type") == "redacted_thinking":
        yield {"type": "reasoning.encrypted", "data": block.get("data") or "", "index": place}


def usage_to_chat(usage: Any) -> dict[str, Any]:
    """Translate a usage, in which the tokens of the prompt cache stand beside the others; {} if it counts nothing."""
    if not isinstance(usage, dict):
        return {}
    read, written = (read_count(usage.get(f"cache_{kind}_input_tokens")) or 0 for kind in ("read", "creation"))
    prompt = (read_count(usage.get("input_tokens")) or 0) + read + written
    answer = read_count(usage.get("output_tokens")) or 0
    details = usage.get("output_tokens_details")
    thinking = read_count(details.get("thinking_tokens")) or 0 if isinstance(details, dict) else 0
    if not prompt and not answer:
        return {}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": {"cached_tokens": read},
        "completion_tokens_details": {"reasoning_tokens": thinking},
    }


def answer_from_chat(answer: Mapping[str, Any], model: str, usage: Amount) -> dict[str, Any]:
    """Translate a chat completion; Messages have one answer, the first choice.

    Parameters
    ----------
    model : name of the model if the answer has none.
    """
    choice = answer["choices"][0] if answer["choices"] else {}
    message = choice.get("message") or {}
    return {
        "id": answer.get("id") or "",
        "type": "message",
        "role": "assistant",
        "model": answer.get("model") or model,
        "content": [*_thinking(message), *_texts(message), *_calls(message)],
        "stop_reason": reason_from_chat(choice.get("finish_reason"), has_calls=bool(message.get("tool_calls"))),
        "stop_sequence": None,
        "usage": usage_from_amount(usage),
    }


def reason_from_chat(reason: Any, *, has_calls: bool) -> str:
    """Return the reason of an answer's end; `tool_use` for an answer with calls of tools that its server reports as complete."""
    translated = _REASONS_FROM_CHAT.get(str(reason), "end_turn")
    return "tool_use" if has_calls and translated == "end_turn" else translated


def usage_from_amount(usage: Amount) -> dict[str, int]:
    """Return a usage as Messages have it: tokens read from the prompt cache or written to it stand beside the others."""
    return {
        "input_tokens": usage.tokens_in - usage.tokens_cached - usage.tokens_cache_write,
        "cache_creation_input_tokens": usage.tokens_cache_write,
        "cache_read_input_tokens": usage.tokens_cached,
        "output_tokens": usage.tokens_out,
    }


def reasoning_of(message: Mapping[str, Any]) -> str:
    """Return the reasoning of a message or delta in the fields of its dialects."""
    return join_parts(message.get("reasoning_content")) or join_parts(message.get("reasoning"))


def _thinking(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    details = list_objects(message.get("reasoning_details"))
    for detail in details:
        if detail.get("type") == "reasoning.encrypted":
            yield {"type": "redacted_thinking", "data": detail.get("data") or ""}
        else:
            text = detail.get("text") or detail.get("summary") or ""
            yield {"type": "thinking", "thinking": text, "signature": detail.get("signature") or ""}
    if not details and reasoning_of(message):
        yield {"type": "thinking", "thinking": reasoning_of(message), "signature": ""}


def _texts(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for text in (join_parts(message.get("content")), join_parts(message.get("refusal"))):
        if text:
            yield {"type": "text", "text": text}


def _calls(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        arguments = read_arguments(function.get("arguments"))
        yield {"type": "tool_use", "id": call.get("id") or "", "name": function.get("name") or "", "input": arguments}


def read_arguments(arguments: Any) -> dict[str, Any]:
    """Return the arguments of a call as an object; those that a model has not written as one, under the name `arguments`."""
    try:
        value = msgspec.json.decode(arguments or "{}")
    except msgspec.DecodeError:
        value = arguments
    return value if isinstance(value, dict) else {"arguments": value}
