"""A request of chat completions as one of Messages.

Left out, because Messages have no such thing: `seed`, penalties, `logit_bias`, `store`, `metadata` and `prediction`, which
steer an answer but do not change its form.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from serving.gateway.protocols.data_urls import split_data_url
from serving.gateway.protocols.fields import wrong_field

_UNCHANGED: Final = ("model", "stream", "top_p", "top_k", "thinking")
_CHOICES: Final = {"auto": "auto", "required": "any", "none": "none"}
_EFFORTS: Final = {"minimal": "low"}
_ABSENT: Final = ("logprobs", "functions", "function_call", "audio", "web_search_options")
_SYSTEM_ROLES: Final = frozenset({"system", "developer"})
_MAX_TEMPERATURE: Final = 1
_ANY_OBJECT: Final = {"type": "object", "properties": {}}


def request_from_chat(body: Mapping[str, Any], max_tokens: int) -> dict[str, Any]:
    """Translate a request.

    Parameters
    ----------
    max_tokens : of the answer if the request sets no maximum; Messages require one.

    Raises
    ------
    Unprocessable
        If a part of it has no counterpart; the message names it.
    """
    for name in _ABSENT:
        if body.get(name):
            raise wrong_field(name, "has no counterpart in Anthropic's Messages, which the server speaks")
    if (body.get("n") or 1) > 1:
        raise wrong_field("n", "must be 1: the server speaks Anthropic's Messages, which have one answer")
    translated = {name: body[name] for name in _UNCHANGED if body.get(name) is not None}
    translated["max_tokens"] = body.get("max_completion_tokens") or body.get("max_tokens") or max_tokens
    system = list(_system(body["messages"]))
    if system:
        translated["system"] = system
    translated["messages"] = _merge(_turns(body["messages"]))
    if body.get("temperature") is not None:
        translated["temperature"] = min(body["temperature"], _MAX_TEMPERATURE)
    if body.get("stop"):
        translated["stop_sequences"] = [body["stop"]] if isinstance(body["stop"], str) else body["stop"]
    user = body.get("safety_identifier") or body.get("user")
    if user:
        translated["metadata"] = {"user_id": user}
    return translated | _tools(body) | _output(body)


def _system(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for place, message in enumerate(messages):
        if message.get("role") in _SYSTEM_ROLES:
            yield from _blocks(message.get("content"), f"messages.{place}")


def _turns(messages: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield role and blocks of each message that is not the system's."""
    for place, message in enumerate(messages):
        path, role = f"messages.{place}", message.get("role")
        if role in _SYSTEM_ROLES:
            continue
        blocks = list(_blocks(message.get("content"), path))
        if role == "user":
            yield "user", blocks
        elif role == "assistant":
            yield "assistant", [*_thinking(message), *blocks, *_calls(message, path)]
        elif role == "tool":
            yield "user", [{"type": "tool_result", "tool_use_id": message.get("tool_call_id", ""), "content": blocks}]
        else:
            raise wrong_field(f"{path}.role", "must be system, developer, user, assistant or tool")


def _merge(turns: Iterator[tuple[str, list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    """Join neighbouring turns of the same role, and leave out those without content."""
    messages: list[dict[str, Any]] = []
    for role, blocks in turns:
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"] += blocks
        elif blocks:
            messages.append({"role": role, "content": blocks})
    return messages


def _blocks(content: Any, path: str) -> Iterator[dict[str, Any]]:
    """Yield the blocks of a message's content; empty texts, which Messages refuse, are left out."""
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    for place, part in enumerate(content or ()):
        if not isinstance(part, dict):
            raise wrong_field(f"{path}.content.{place}", "must be an object")
        kind = part.get("type")
        if kind in ("text", "refusal"):
            if part.get(kind):
                block = {"type": "text", "text": part[kind]}
                yield block | ({"cache_control": part["cache_control"]} if part.get("cache_control") else {})
        elif kind == "image_url":
            yield _image(part, f"{path}.content.{place}")
        elif kind == "file":
            yield _document(part, f"{path}.content.{place}")
        else:
            raise wrong_field(
                f"{path}.content.{place}",
                f"type {kind!r} has no counterpart in Anthropic's Messages, which the server speaks",
            )


def _image(part: Mapping[str, Any], path: str) -> dict[str, Any]:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if not isinstance(url, str):
        raise wrong_field(f"{path}.image_url", "must name a URL")
    data = split_data_url(url)
    if data is None:
        return {"type": "image", "source": {"type": "url", "url": url}}
    return {"type": "image", "source": {"type": "base64", "media_type": data.media_type, "data": data.base64}}


def _document(part: Mapping[str, Any], path: str) -> dict[str, Any]:
    file = part.get("file")
    content = file.get("file_data") if isinstance(file, dict) else None
    data = split_data_url(content) if isinstance(content, str) else None
    if not isinstance(file, dict) or data is None:
        raise wrong_field(
            f"{path}.file", "must hold its content in file_data, as a data URL: the server knows no file ids"
        )
    if data.text is not None:
        source = {"type": "text", "media_type": "text/plain", "data": data.text}
    else:
        source = {"type": "base64", "media_type": data.media_type, "data": data.base64}
    title = {"title": file["filename"]} if file.get("filename") else {}
    return {"type": "document", "source": source, **title}


def _thinking(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the thinking of an earlier answer, which the server accepts only with its own signature."""
    for detail in message.get("reasoning_details") or ():
        if not isinstance(detail, dict):
            continue
        if detail.get("type") == "reasoning.text" and detail.get("signature"):
            yield {"type": "thinking", "thinking": detail.get("text") or "", "signature": detail["signature"]}
        elif detail.get("type") == "reasoning.encrypted" and detail.get("data"):
            yield {"type": "redacted_thinking", "data": detail["data"]}


def _calls(message: Mapping[str, Any], path: str) -> Iterator[dict[str, Any]]:
    for place, call in enumerate(message.get("tool_calls") or ()):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise wrong_field(f"{path}.tool_calls.{place}", "must be a call of a function")
        try:
            arguments = msgspec.json.decode(function.get("arguments") or "{}")
        except msgspec.DecodeError as error:
            raise wrong_field(f"{path}.tool_calls.{place}.function.arguments", "must be JSON") from error
        yield {"type": "tool_use", "id": call.get("id", ""), "name": function.get("name", ""), "input": arguments}


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    translated: dict[str, Any] = {}
    if not body.get("tools"):
        return translated
    translated["tools"] = [_tool(tool, f"tools.{place}") for place, tool in enumerate(body["tools"])]
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        translated["tool_choice"] = {"type": "tool", "name": choice["function"].get("name", "")}
    elif choice in _CHOICES:
        translated["tool_choice"] = {"type": _CHOICES[choice]}
    elif choice is not None:
        raise wrong_field("tool_choice", "must be auto, required, none or a function")
    if body.get("parallel_tool_calls") is False:
        translated["tool_choice"] = {
            **translated.get("tool_choice", {"type": "auto"}),
            "disable_parallel_tool_use": True,
        }
    return translated


def _tool(tool: Any, path: str) -> dict[str, Any]:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict):
        raise wrong_field(path, "must be a function: the server speaks Anthropic's Messages, which have no other tools")
    fields = {name: function[name] for name in ("name", "description", "strict") if function.get(name) is not None}
    return {**fields, "input_schema": function.get("parameters") or _ANY_OBJECT}


def _output(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return effort and format of the answer."""
    config: dict[str, Any] = {}
    translated: dict[str, Any] = {}
    effort, form = body.get("reasoning_effort"), body.get("response_format") or {}
    if effort == "none":
        translated["thinking"] = {"type": "disabled"}
    elif effort:
        config["effort"] = _EFFORTS.get(effort, effort)
    if form.get("type") == "json_schema":
        config["format"] = {"type": "json_schema", "schema": (form.get("json_schema") or {}).get("schema") or {}}
    elif form.get("type") == "json_object":
        raise wrong_field("response_format", "must be json_schema: the server has no JSON without a schema")
    return translated | ({"output_config": config} if config else {})
