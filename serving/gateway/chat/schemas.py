"""Requests of the OpenAI-compatible routes. Other fields go to the upstream unchanged."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from serving.gateway.prompts.book import PromptBook
from serving.gateway.prompts.template import Prompt, PromptError
from serving.http.limits.body import MAX_DEPTH, is_too_deep
from serving.http.problems import Unprocessable

_MAX_CHOICES = 128
_MAX_END_USER = 128


class PromptReference(msgspec.Struct):
    """A template of `prompts`, rendered before the messages."""

    id: str
    version: int | str | UnsetType = UNSET
    variables: dict[str, Any] | UnsetType = UNSET


class ChatCompletionBody(msgspec.Struct):
    """A request of OpenAI's chat completions; other fields go to the upstream unchanged."""

    model: str | UnsetType = UNSET
    messages: list[dict[str, Any]] | UnsetType = UNSET
    stream: bool = False
    user: (
        Annotated[str, Meta(max_length=_MAX_END_USER, description="The end user, for usage and ledger.")] | UnsetType
    ) = UNSET
    prompt: PromptReference | UnsetType = UNSET


class EmbeddingsBody(msgspec.Struct):
    """A request of OpenAI's embeddings; other fields go to the upstream unchanged."""

    model: str
    input: str | list[Any]


@dataclass(slots=True)
class ChatRequest:
    """A validated request; `body` is sent to the upstream."""

    body: dict[str, Any]
    model: str
    stream: bool
    wants_usage: bool
    tokens_out: int
    prompt: Prompt | None


def read_body(data: bytes) -> dict[str, Any]:
    """Parse a body into a JSON object.

    Raises
    ------
    Unprocessable
        If it is not a JSON object, or nested more than 64 deep.
    """
    try:
        body = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unprocessable(f"The body is not JSON: {str(error)[:200]}.") from error
    if not isinstance(body, dict):
        raise Unprocessable("The body must be a JSON object.")
    # No body is nested deeper than it has brackets: most have too few for the search to be needed.
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and is_too_deep(body):
        raise Unprocessable(f"The body is nested more than {MAX_DEPTH} deep.")
    return body


def validate_chat_request(
    body: dict[str, Any], prompts: PromptBook, *, default_model: str | None, most_out: int
) -> ChatRequest:
    """Validate a chat request, and put the messages of its prompt before its own.

    Raises
    ------
    Unprocessable
        If a field is wrong; the message names it.
    """
    prompt = _insert_prompt(body, prompts)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        raise _wrong("messages", "must be a list of at least one message")
    model = read_model(body, default_model)
    stream = body.get("stream") or False
    if not isinstance(stream, bool):
        raise _wrong("stream", "must be true or false")
    body["model"] = model
    wants_usage = False
    if stream:
        options = body.get("stream_options") or {}
        if not isinstance(options, dict):
            raise _wrong("stream_options", "must be an object")
        wants_usage = options.get("include_usage") is True
    choices = _read_number(body, "n", 1, _MAX_CHOICES) or 1
    bound = _read_number(body, "max_completion_tokens", 1) or _read_number(body, "max_tokens", 1) or most_out
    read_end_user(body)
    return ChatRequest(body, model, stream, wants_usage, bound * choices, prompt)


def read_model(body: dict[str, Any], default_model: str | None = None) -> str:
    """Read the model that is called.

    Raises
    ------
    Unprocessable
        If it is missing, not a text, or cannot be stored.
    """
    model = body.get("model", default_model)
    if not isinstance(model, str) or not model or "\0" in model:
        raise _wrong("model", "must name a model, without NUL")
    return model


def read_end_user(body: dict[str, Any]) -> str | None:
    """Read the user on whose behalf the caller asks.

    Raises
    ------
    Unprocessable
        If it is not a text, or too long.
    """
    user = body.get("safety_identifier") or body.get("user")
    if user is not None and (not isinstance(user, str) or len(user) > _MAX_END_USER or "\0" in user):
        raise _wrong("user", f"must be a text of at most {_MAX_END_USER} characters, without NUL")
    return user or None


def _insert_prompt(body: dict[str, Any], prompts: PromptBook) -> Prompt | None:
    """Replace a body's reference to a prompt, `{id, version?, variables?}`, with the messages of the prompt."""
    reference = body.pop("prompt", None)
    if reference is None:
        return None
    if not isinstance(reference, dict) or not isinstance(reference.get("id"), str):
        raise _wrong("prompt", "must be an object with the id of a prompt: see GET /api/v1/prompts")
    version = reference.get("version")
    if isinstance(version, str) and version.isdecimal():
        version = int(version)
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise _wrong("prompt.version", "must be a number")
    variables = reference.get("variables") or {}
    if not isinstance(variables, dict):
        raise _wrong("prompt.variables", "must be an object")
    try:
        prompt = prompts.get(reference["id"], version)
        rendered = prompt.render(**variables)
    except PromptError as error:
        raise _wrong("prompt", str(error)) from error
    messages = body.get("messages")
    body["messages"] = [*rendered, *messages] if isinstance(messages, list) else rendered
    for name, hint in prompt.model_hints.items():
        body.setdefault(name, hint)
    return prompt


def _read_number(body: dict[str, Any], name: str, least: int, most: int = 2**31) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _wrong(name, f"must be a whole number of at least {least}")
    return value


def _wrong(field: str, reason: str) -> Unprocessable:
    return Unprocessable(f"{field}: {reason}.", errors=[{"field": field, "reason": reason}], param=field)
