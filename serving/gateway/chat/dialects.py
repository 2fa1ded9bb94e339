"""Choices of a stream in the dialects of OpenAI's protocol, rewritten as OpenAI sends them.

Falsy fields count as absent, and each tool call has an index of its own. Texts and policy are in `deltas`.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from serving.gateway.calls.tokens import read_count
from serving.gateway.upstreams.decoding import is_number
from serving.gateway.upstreams.events import BrokenStreamError

TOKEN_IDS: Final = frozenset({"token_id", "token_ids"})
"""Fields that spell a text in the tokens of its model."""
COPIES: Final = TOKEN_IDS | {"message", "text"}
"""Fields of a choice that repeat its delta, or its whole text so far."""
_TEXTS: Final = ("content", "reasoning", "reasoning_content", "refusal")
_MAX_CHOICES = 128


def normalize_choice(choice: Any, position: int, streamed: set[int]) -> int:
    """Give a choice its delta, finish reason and index (else its position in the event) in place; return its index.

    Parameters
    ----------
    streamed : indexes of the choices whose deltas have had content; extended. Their whole message is a copy.

    Raises
    ------
    BrokenStreamError
        If it is no choice of a stream.
    """
    place = _read_index(choice, position) if isinstance(choice, dict) else None
    if place is None or place >= _MAX_CHOICES:
        raise BrokenStreamError("a choice of the stream has no valid index")
    # Servers that cannot stream send the whole message as one event.
    delta = choice.get("delta")
    is_message = delta is None
    if is_message:
        message = choice.pop("message", None)
        delta = None if place in streamed else message
    delta = delta or {}
    if not isinstance(delta, dict):
        raise BrokenStreamError("the delta of a choice is not an object")
    # Some servers send a token of digits as a number.
    delta |= {name: str(delta[name]) for name in _TEXTS if is_number(delta.get(name))}
    choice.update(index=place, delta=delta, finish_reason=choice.get("finish_reason") or None)
    if not is_message and has_content(choice):
        streamed.add(place)
    return place


def normalize_message(choice: dict[str, Any], position: int) -> None:
    """Give a choice of a whole answer its index, and its tool calls the form of OpenAI's, in place."""
    choice["index"] = _read_index(choice, position)
    if isinstance(choice.get("message"), dict):
        list_tool_calls(choice["message"])


def _read_index(choice: dict[str, Any], position: int) -> int | None:
    index = choice.get("index")
    return position if index in (None, "") else read_count(index)


def has_content(choice: dict[str, Any]) -> bool:
    """Return whether a normalized choice adds anything to its message."""
    return any(value not in ("", None, [], {}) for name, value in choice["delta"].items() if name != "role")


def split_choice(choice: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a normalized choice as several, each with one text, in the order of an answer: reasoning, content, refusal, calls of tools."""
    rest = {name: value for name, value in choice["delta"].items() if value not in ("", None, [], {})}
    reasoning = {name: rest.pop(name) for name in ("reasoning", "reasoning_content") if name in rest}
    deltas = [{"reasoning_details": [detail]} for detail in _pop_items(rest, "reasoning_details")]
    deltas = [reasoning | deltas[0], *deltas[1:]] if deltas else [reasoning] if reasoning else []
    calls = [{"tool_calls": [call]} for call in _pop_items(rest, "tool_calls")]
    refusal = [{"refusal": rest.pop("refusal")}] if "content" in rest and "refusal" in rest else []
    deltas += [delta for delta in (rest, *refusal, *calls) if delta]
    if len(deltas) < 2:
        return [choice]
    logprobs = {"logprobs": choice["logprobs"]} if "logprobs" in choice else {}
    parts = [
        {"index": choice["index"], "delta": delta, "finish_reason": None, **(logprobs if delta is rest else {})}
        for delta in deltas
    ]
    parts[-1] |= {name: value for name, value in choice.items() if name not in ("delta", "logprobs")}
    return parts


def _pop_items(fields: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Remove a list from fields; return its objects, each with its index."""
    items = fields.pop(name, [])
    items = items if isinstance(items, list) else [items]
    return [{"index": place, **item} for place, item in enumerate(items) if isinstance(item, dict)]


@dataclass(slots=True)
class _ToolCall:
    """What has arrived of a tool call; `place` is its index for the caller."""

    place: int
    id: str = ""
    name: str = ""
    has_arguments: bool = False


class ToolCalls:
    """The tool calls of one choice.

    Servers leave out the index, give all calls the same one, or repeat id and name in each delta; clients tell calls apart by
    their index alone, and join ids and names.
    """

    def __init__(self) -> None:
        self._count = 0
        self._by_id: dict[str, _ToolCall] = {}
        self._by_index: dict[int | None, _ToolCall] = {}  # the newest call of each index; without one, of all

    def normalize(self, delta: dict[str, Any]) -> None:
        """Give each tool call of a delta the index of its call, and id and name only once, in place."""
        for call in list_tool_calls(delta):
            self._normalize(call)

    def _normalize(self, delta: dict[str, Any]) -> None:
        function = delta.get("function") or delta.get("custom")
        function = function if isinstance(function, dict) else {}
        if not delta.get("type"):  # clients would replace the type
            delta.pop("type", None)
        call_id, name = _text(delta.get("id")), _text(function.get("name"))
        index = read_count(delta.get("index"))
        call = self._by_id.get(call_id) or self._by_index.get(index)
        if call is None or (call.id != call_id and _begins(call, call_id, name, index)):
            # Without gaps, which clients that collect calls in a list cannot fill: some servers count the text as index 0.
            call = _ToolCall(self._count)
            self._count += 1
        if call.id:
            delta.pop("id", None)
        elif call_id:
            call.id, self._by_id[call_id] = call_id, call
        if call.name and name in ("", call.name):
            function.pop("name", None)
        call.name = call.name or name
        call.has_arguments = call.has_arguments or bool(function.get("arguments") or function.get("input"))
        self._by_index[index] = self._by_index[None] = call
        delta["index"] = call.place


def _begins(call: _ToolCall, call_id: str, name: str, index: int | None) -> bool:
    """Return whether a delta begins a call rather than continuing `call`, the newest at its index; only a call's first has its name."""
    if not name:
        return False
    if call_id:
        return bool(call.id)
    return call.has_arguments and (index is None or name != call.name)


def list_tool_calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tool calls of a message or delta; make them a list, and their ids and arguments texts, in place."""
    calls = message.get("tool_calls")
    if isinstance(calls, dict):  # servers of one call a message
        calls = message["tool_calls"] = [calls]
    calls = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    for call in calls:
        if isinstance(call.get("id"), int):  # clients would add up the numbers of deltas
            call["id"] = str(call["id"])
    for function in [call.get("function") for call in calls] + [message.get("function_call")]:
        if isinstance(function, dict) and isinstance(function.get("arguments"), dict | list):
            function["arguments"] = msgspec.json.encode(function["arguments"]).decode()
    return calls


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
