"""A request of Messages as one of chat completions.

Left out, because chat completions have no such thing: marks of the prompt cache, thinking of earlier turns (only its own
model can read it), `top_k`, and whether a tool's result is an error.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from serving.gateway.protocols.fields import wrong_field

_UNCHANGED: Final = ("model", "stream", "temperature", "top_p")
_CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}
_THINKING: Final = frozenset({"thinking", "redacted_thinking"})
_EFFORTS: Final = {"max": "xhigh"}
_encode = msgspec.json.Encoder().encode


def request_to_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """Translate a request.

    Raises
    ------
    Unprocessable
        If a part of it has no counterpart; the message names it.
    """
    chat = {name: body[name] for name in _UNCHANGED if name in body}
    chat["messages"] = list(_messages(body))
    if "max_tokens" in body:
        chat["max_tokens"] = body["max_tokens"]
    if body.get("stop_sequences"):
        chat["stop"] = body["stop_sequences"]
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and metadata.get("user_id"):
        chat["user"] = metadata["user_id"]
    return chat | _tools(body) | _output(body.get("output_config") or {})


def _messages(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if body.get("system"):
        yield {"role": "system", "content": _text_of(body["system"], "system")}
    for place, message in enumerate(body["messages"]):
        path = f"messages.{place}"
        content = message.get("content")
        match message.get("role"):
            case "assistant":
                yield _assistant_message(content, path)
            case "system":
                yield {"role": "system", "content": _text_of(content, path)}
            case "user":
                yield from _user_messages(content, path)
            case _:
                raise wrong_field(f"{path}.role", "must be user, assistant or system")


def _blocks(content: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the blocks of a content with their paths; a text is one block."""
    if isinstance(content, str):
        return [(path, {"type": "text", "text": content})]
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise wrong_field(f"{path}.content", "must be a text or a list of blocks")
    return [(f"{path}.content.{place}", block) for place, block in enumerate(content)]


def _text_of(content: Any, path: str) -> str:
    """Return the text of a content that may hold nothing else."""
    texts = []
    for block_path, block in _blocks(content, path):
        if block.get("type") != "text":
            raise _no_counterpart(block_path, block)
        texts.append(str(block.get("text", "")))
    return "\n".join(texts)


def _assistant_message(content: Any, path: str) -> dict[str, Any]:
    texts, calls = [], []
    for block_path, block in _blocks(content, path):
        match block.get("type"):
            case "text":
                texts.append(str(block.get("text", "")))
            case "tool_use":
                arguments = _encode(block.get("input") or {}).decode()
                function = {"name": block.get("name", ""), "arguments": arguments}
                calls.append({"id": block.get("id", ""), "type": "function", "function": function})
            case kind if kind not in _THINKING:
                raise _no_counterpart(block_path, block)
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or None}
    return message | ({"tool_calls": calls} if calls else {})


def _user_messages(content: Any, path: str) -> Iterator[dict[str, Any]]:
    """Yield the messages of a user's turn: each result of a tool is one of its own."""
    if isinstance(content, str):
        yield {"role": "user", "content": content}
        return
    parts: list[dict[str, Any]] = []
    for block_path, block in _blocks(content, path):
        if block.get("type") != "tool_result":
            parts += _parts(block, block_path)
            continue
        if parts:
            yield {"role": "user", "content": parts}
            parts = []
        yield {"role": "tool", "tool_call_id": block.get("tool_use_id", ""), "content": _result(block, block_path)}
    if parts:
        yield {"role": "user", "content": parts}


def _result(block: Mapping[str, Any], path: str) -> str | list[dict[str, Any]]:
    """Return the result of a tool: a text, or parts if it holds more than text."""
    content = block.get("content") or ""
    parts = [part for inner_path, inner in _blocks(content, path) for part in _parts(inner, inner_path)]
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _parts(block: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    """Return a block as parts of a chat message."""
    kind, source = block.get("type"), block.get("source")
    if kind == "text":
        return [_text_part(block.get("text", ""))]
    if kind == "search_result":
        inner = [part for at, item in _blocks(block.get("content"), path) for part in _parts(item, at)]
        return [_text_part(f"{block.get('title', '')}\n{source}"), *inner]
    if kind in ("image", "document") and isinstance(source, dict):
        return _media_parts(kind, block, source, path)
    raise _no_counterpart(path, block)


def _media_parts(kind: str, block: Mapping[str, Any], source: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    title = block.get("title") or ""
    notes = [_text_part(note) for note in (title, block.get("context")) if note]
    match kind, source.get("type"):
        case "image", "base64":
            url = f"data:{source.get('media_type')};base64,{source.get('data')}"
            return [{"type": "image_url", "image_url": {"url": url}}]
        case "image", "url":
            return [{"type": "image_url", "image_url": {"url": source.get("url")}}]
        case "document", "base64":
            data = f"data:{source.get('media_type')};base64,{source.get('data')}"
            return [{"type": "file", "file": {"filename": title or "document.pdf", "file_data": data}}]
        case "document", "text":
            return [*notes, _text_part(source.get("data", ""))]
        case "document", "content":
            inner = _blocks(source.get("content"), f"{path}.source")
            return [*notes, *(part for at, item in inner for part in _parts(item, at))]
    raise wrong_field(f"{path}.source", f"a server of chat completions reads no {kind} of type {source.get('type')}")


def _text_part(text: Any) -> dict[str, Any]:
    return {"type": "text", "text": str(text)}


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    translated: dict[str, Any] = {}
    if body.get("tools"):
        translated["tools"] = [_tool(tool, f"tools.{place}") for place, tool in enumerate(body["tools"])]
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and translated:
        kind = choice.get("type")
        if kind == "tool":
            translated["tool_choice"] = {"type": "function", "function": {"name": choice.get("name", "")}}
        elif kind in _CHOICES:
            translated["tool_choice"] = _CHOICES[kind]
        else:
            raise wrong_field("tool_choice.type", "must be auto, any, tool or none")
        if choice.get("disable_parallel_tool_use"):
            translated["parallel_tool_calls"] = False
    return translated


def _tool(tool: Mapping[str, Any], path: str) -> dict[str, Any]:
    if tool.get("type") not in (None, "custom"):
        raise _no_counterpart(path, tool)
    function = {name: tool[name] for name in ("name", "description", "strict") if tool.get(name) is not None}
    return {"type": "function", "function": {**function, "parameters": tool.get("input_schema") or {}}}


def _output(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return effort and format of the answer."""
    translated: dict[str, Any] = {}
    effort, form = config.get("effort"), config.get("format")
    if effort:
        translated["reasoning_effort"] = _EFFORTS.get(effort, effort)
    if isinstance(form, dict):
        schema = {"name": "answer", "schema": form.get("schema") or {}, "strict": True}
        translated["response_format"] = {"type": "json_schema", "json_schema": schema}
    return translated


def _no_counterpart(path: str, item: Mapping[str, Any]) -> Exception:
    return wrong_field(
        path, f"type {item.get('type')!r} has no counterpart in chat completions, which the server speaks"
    )
