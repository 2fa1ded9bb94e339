"""Whole answers: a response with its output, and a chat completion."""

import time
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from guard_store.spending.amounts import Amount
from serving.gateway.protocols.protocol import ModelRequest
from serving.gateway.protocols.responses.ids import PREVIOUS_RESPONSE
from serving.gateway.protocols.responses.output import Output
from serving.gateway.protocols.responses.reasoning import list_details, text_of_detail
from serving.gateway.protocols.responses.tools import KINDS_BY_CALL, call_to_chat
from serving.gateway.upstreams.events import find_error

ID_PREFIX: Final = "resp_"
_REASONS: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Reason why a response is incomplete, by the finish reason of a choice."""
_FINISH_REASONS: Final = {reason: finish for finish, reason in _REASONS.items()}
_REQUESTED: Final[Mapping[str, Any]] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""Fields of a response that repeat the request, and what they are without it."""


def build_response(request: ModelRequest, head: Mapping[str, Any]) -> dict[str, Any]:
    """Return a response that has begun.

    Parameters
    ----------
    head : a chat completion, or a chunk of one; its id is kept if it is that of a response.
    """
    own_id = str(head.get("id"))
    given = {name: request.body.get(name) for name in _REQUESTED}
    previous = given[PREVIOUS_RESPONSE]
    given[PREVIOUS_RESPONSE] = request.seal(previous) if isinstance(previous, str) else None
    return {
        "id": request.seal(own_id) if own_id.startswith(ID_PREFIX) else f"{ID_PREFIX}{uuid4().hex}",
        "object": "response",
        "created_at": head.get("created") or int(time.time()),
        "model": head.get("model") or request.model,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "output": [],
        "usage": None,
        **{name: _REQUESTED[name] if value is None else value for name, value in given.items()},
    }


def end_response(finish_reason: Any) -> dict[str, Any]:
    """Return the fields of a response that has ended for the finish reason of a choice."""
    reason = _REASONS.get(finish_reason)
    if reason is None:
        return {"status": "completed", "completed_at": int(time.time())}
    return {"status": "incomplete", "incomplete_details": {"reason": reason}}


def seal_ids(answer: dict[str, Any], request: ModelRequest) -> dict[str, Any]:
    """Return the answer of a server of Responses with ids that only the caller's project can refer to."""
    ids = {name: request.seal(answer[name]) for name in ("id", PREVIOUS_RESPONSE) if isinstance(answer.get(name), str)}
    return {**answer, **ids}


def format_usage(usage: Amount) -> dict[str, Any]:
    """Return the usage of a call as a response reports it."""
    return {
        "input_tokens": usage.tokens_in,
        "input_tokens_details": {"cached_tokens": usage.tokens_cached, "cache_write_tokens": 0},
        "output_tokens": usage.tokens_out,
        "output_tokens_details": {"reasoning_tokens": usage.tokens_reasoning},
        "total_tokens": usage.tokens_in + usage.tokens_out,
    }


def answer_from_chat(answer: Mapping[str, Any], request: ModelRequest, usage: Amount) -> dict[str, Any]:
    """Translate a chat completion, of which a response has the first choice."""
    choice = next((choice for choice in answer.get("choices") or () if isinstance(choice, dict)), {})
    message, logprobs = choice.get("message"), choice.get("logprobs")
    ending = end_response(choice.get("finish_reason"))
    output = Output()
    entries = logprobs.get("content") if isinstance(logprobs, dict) else None
    for events in (output.add(message if isinstance(message, dict) else {}, entries),
                   output.close(is_complete=ending["status"] == "completed")):  # fmt: skip
        for _ in events:  # which only a stream needs
            pass
    return {**build_response(request, answer), **ending, "output": output.items, "usage": format_usage(usage)}


def answer_to_chat(answer: dict[str, Any]) -> dict[str, Any]:
    """Translate a response to a chat completion; an error, or what is no response, stays what it is."""
    output = answer.get("output")
    if find_error(answer):
        return answer
    if answer.get("status") in ("failed", "cancelled"):
        return {"error": {"message": f"the response {answer['status']}"}}
    if not isinstance(output, list):
        return answer
    message, logprobs = _message_of([item for item in output if isinstance(item, dict)])
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": finish_reason_of(answer, has_calls="tool_calls" in message),
    }
    return {
        "id": answer.get("id"),
        "object": "chat.completion",
        "created": answer.get("created_at"),
        "model": answer.get("model"),
        "choices": [{**choice, "logprobs": {"content": logprobs, "refusal": None}} if logprobs else choice],
        **usage_to_chat(answer.get("usage")),
    }


def finish_reason_of(response: Mapping[str, Any], *, has_calls: bool) -> str:
    """Return the finish reason of a response that has ended."""
    if response.get("status") == "incomplete":
        details = response.get("incomplete_details")
        return _FINISH_REASONS.get(str(details.get("reason")) if isinstance(details, dict) else "", "length")
    return "tool_calls" if has_calls else "stop"


def usage_to_chat(usage: Any) -> dict[str, Any]:
    """Return the usage of a response in the spelling of chat completions, in its field; nothing without any."""
    if not isinstance(usage, dict):
        return {}
    names = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}
    names |= {f"{name}_details": f"{spelling}_details" for name, spelling in names.items()}
    return {"usage": {names.get(name, name): value for name, value in usage.items()}}


def annotation_to_chat(annotation: Mapping[str, Any]) -> dict[str, Any]:
    """Return an annotation as chat completions have it; only citations of URLs differ."""
    kind = annotation.get("type")
    if kind != "url_citation":
        return dict(annotation)
    return {"type": kind, kind: {name: value for name, value in annotation.items() if name != "type"}}


def _message_of(output: list[dict[str, Any]]) -> tuple[dict[str, Any], list[Any]]:
    """Return the message of an output, and the log probabilities of its text."""
    parts = [
        part
        for item in output
        if item.get("type") == "message"
        for part in item.get("content") or ()
        if isinstance(part, dict)
    ]
    texts = [part for part in parts if part.get("type") == "output_text"]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(str(text.get("text") or "") for text in texts) or None,
    }
    refusal = "".join(str(part.get("refusal") or "") for part in parts if part.get("type") == "refusal")
    annotations = [annotation_to_chat(entry) for text in texts for entry in text.get("annotations") or ()]
    details: list[dict[str, Any]] = []
    for item in output:
        if item.get("type") == "reasoning":
            details += list_details(item, len(details))
    calls = [call_to_chat(item) for item in output if item.get("type") in KINDS_BY_CALL]
    fields = {
        "refusal": refusal,
        "annotations": annotations,
        "reasoning": "".join(text_of_detail(detail) for detail in details),
        "reasoning_details": details,
        "tool_calls": calls,
    }
    logprobs = [entry for text in texts for entry in text.get("logprobs") or ()]
    return message | {name: value for name, value in fields.items() if value}, logprobs
