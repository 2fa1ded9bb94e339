"""Items of the input and messages of a chat: one message of the assistant is an item for each call, text and reasoning."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from serving.gateway.protocols.fields import wrong_field
from serving.gateway.protocols.responses.parts import content_from_chat, content_to_chat, require_text
from serving.gateway.protocols.responses.reasoning import build_items, list_details
from serving.gateway.protocols.responses.tools import (
    KINDS_BY_CALL,
    KINDS_BY_RESULT,
    call_from_chat,
    call_to_chat,
    kind_of,
)

_ROLES: Final = frozenset({"system", "developer", "user", "assistant"})


def items_to_messages(items: Any) -> list[dict[str, Any]]:
    """Translate an input, a text or items, to messages.

    Raises
    ------
    Unprocessable
        If an item has no counterpart in chat completions.
    """
    if isinstance(items, str):
        return [{"role": "user", "content": items}]
    messages = _Messages()
    for place, item in enumerate(items):
        messages.add(item, f"input[{place}]")
    return messages.all


class _Messages:
    """Messages, of which the newest of the assistant takes up the items that belong to it."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def add(self, item: dict[str, Any], field: str) -> None:
        """Add an item; raises as `items_to_messages`."""
        kind = item.get("type") or "message"
        if kind == "message":
            self._add_message(item, field)
        elif kind in KINDS_BY_CALL:
            require_text(item, "call_id", field)
            require_text(item, "name", field)
            self._assistant.setdefault("tool_calls", []).append(call_to_chat(item))
        elif kind in KINDS_BY_RESULT:
            call_id = require_text(item, "call_id", field)
            content = content_to_chat(item.get("output"), f"{field}.output")
            self.all.append({"role": "tool", "tool_call_id": call_id, "content": content})
        elif kind == "reasoning":
            self._add_reasoning(item)
        else:
            raise wrong_field(
                f"{field}.type", f"{kind!r} needs a server of Responses; this one speaks chat completions"
            )

    @property
    def _assistant(self) -> dict[str, Any]:
        if not self.all or self.all[-1]["role"] != "assistant":
            self.all.append({"role": "assistant", "content": None})
        return self.all[-1]

    def _add_message(self, item: dict[str, Any], field: str) -> None:
        role = item.get("role")
        if role not in _ROLES:
            raise wrong_field(f"{field}.role", f"must be one of {', '.join(sorted(_ROLES))}")
        content = content_to_chat(item.get("content"), f"{field}.content")
        if role != "assistant":
            self.all.append({"role": role, "content": content})
            return
        last = self._assistant
        if last["content"] is None:
            last["content"] = content
        elif "tool_calls" in last:  # the results of its calls must follow the message
            last["content"] = [*_list_parts(last["content"]), *_list_parts(content)]
        else:
            self.all.append({"role": "assistant", "content": content})

    def _add_reasoning(self, item: dict[str, Any]) -> None:
        last = self._assistant
        if last["content"] is not None and "tool_calls" not in last:
            last = {"role": "assistant", "content": None}
            self.all.append(last)
        details = last.setdefault("reasoning_details", [])
        details += list_details(item, len(details))


def _list_parts(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def messages_to_items(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Translate messages to items of an input; raises `Unprocessable` if one has no counterpart in Responses."""
    items: list[dict[str, Any]] = []
    kinds = {call.get("id"): kind_of(call) for message in messages for call in _list_calls(message)}
    for place, message in enumerate(messages):
        field = f"messages[{place}]"
        role = message.get("role")
        if role == "tool":
            call_id = require_text(message, "tool_call_id", field)
            output = content_from_chat(message.get("content"), f"{field}.content", role)
            result = kinds[call_id].result if call_id in kinds else "function_call_output"
            items.append({"type": result, "call_id": call_id, "output": output})
        elif role in _ROLES:
            items += _message_to_items(message, field, f"rs_{place}_")
        else:
            raise wrong_field(f"{field}.role", f"{role!r} has no counterpart in Responses")
    return items


def _message_to_items(message: dict[str, Any], field: str, prefix: str) -> list[dict[str, Any]]:
    for name in ("name", "function_call", "audio"):
        if message.get(name):
            raise wrong_field(f"{field}.{name}", "has no counterpart in Responses, which the server speaks")
    role, content = str(message["role"]), message.get("content")
    if role != "assistant":
        content = content_from_chat(content, f"{field}.content", role)
        return [{"type": "message", "role": role, "content": content}]
    items = build_items(message, prefix)
    if isinstance(content, list):  # those are in the items of its reasoning
        content = [part for part in content if not (isinstance(part, dict) and part.get("type") == "thinking")]
    content = content_from_chat(content, f"{field}.content", role) if content else []
    if message.get("refusal"):
        texts = [{"type": "output_text", "text": content}] if isinstance(content, str) else content
        content = [*texts, {"type": "refusal", "refusal": require_text(message, "refusal", field)}]
    if content:
        items.append({"type": "message", "role": role, "content": content})
    calls = _list_calls(message)
    items += [call_from_chat(call, f"{field}.tool_calls[{place}]") for place, call in enumerate(calls)]
    return items


def _list_calls(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    calls = message.get("tool_calls")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
