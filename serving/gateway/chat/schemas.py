"""What a request of the OpenAI-compatible routes may say. Fields that are not ours go through to the upstream as they are."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from serving.gateway.prompts.registry import PromptBook
from serving.gateway.prompts.template import Prompt, PromptError
from serving.http.limits.body import MAX_DEPTH, is_too_deep
from serving.http.problems import Unprocessable

_MOST_CHOICES = 128
_END_USER_MOST = 128


class PromptReference(msgspec.Struct):
    """A template of the prompt registry, put before the messages."""

    id: str
    version: int | str | UnsetType = UNSET
    variables: dict[str, Any] | UnsetType = UNSET


class ChatCompletionBody(msgspec.Struct):
    """A request of OpenAI's chat completions; what is not named here goes through as it is."""

    model: str | UnsetType = UNSET
    messages: list[dict[str, Any]] | UnsetType = UNSET
    stream: bool = False
    user: Annotated[str, Meta(max_length=_END_USER_MOST, description="Who asks, for usage and ledger.")] | UnsetType = (
        UNSET
    )
    prompt: PromptReference | UnsetType = UNSET


class EmbeddingsBody(msgspec.Struct):
    """A request of OpenAI's embeddings; what is not named here goes through as it is."""

    model: str
    input: str | list[Any]


@dataclass(slots=True)
class ChatRequest:
    """A checked request; `body` is what goes on."""

    body: dict[str, Any]
    model: str
    stream: bool
    wants_usage: bool
    tokens_out: int
    prompt: Prompt | None


def read_body(data: bytes) -> dict[str, Any]:
    """The JSON object of a body.

    Raises
    ------
    Unprocessable
        Where it is none, or nested more than 64 deep.
    """
    try:
        body = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unprocessable(f"The body is not JSON: {str(error)[:200]}.") from error
    if not isinstance(body, dict):
        raise Unprocessable("The body must be a JSON object.")
    if is_too_deep(body):
        raise Unprocessable(f"The body is nested more than {MAX_DEPTH} deep.")
    return body


def chat_request(body: dict[str, Any], prompts: PromptBook, *, default_model: str | None, most_out: int) -> ChatRequest:
    """Check a chat request and put its prompt's messages before its own.

    Raises
    ------
    Unprocessable
        Naming the field that is wrong.
    """
    prompt = _prompt(body, prompts)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        raise _wrong("messages", "must be a list of at least one message")
    model = body.get("model", default_model)
    if not isinstance(model, str) or not model:
        raise _wrong("model", "must name a model")
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
        body["stream_options"] = {**options, "include_usage": True}  # what a stream took is known by this alone
    choices = _number(body, "n", 1, _MOST_CHOICES) or 1
    bound = _number(body, "max_completion_tokens", 1) or _number(body, "max_tokens", 1) or most_out
    end_user(body)
    return ChatRequest(body, model, stream, wants_usage, bound * choices, prompt)


def end_user(body: dict[str, Any]) -> str | None:
    """Whom the caller says to ask for.

    Raises
    ------
    Unprocessable
        Where it is no text, or too long.
    """
    user = body.get("safety_identifier") or body.get("user")
    if user is not None and (not isinstance(user, str) or len(user) > _END_USER_MOST):
        raise _wrong("user", f"must be a text of at most {_END_USER_MOST} characters")
    return user


def _prompt(body: dict[str, Any], prompts: PromptBook) -> Prompt | None:
    """Take the reference to a prompt out of a body and put its messages in: `{id, version?, variables?}`."""
    said = body.pop("prompt", None)
    if said is None:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("id"), str):
        raise _wrong("prompt", "must be an object with the id of a prompt: see GET /api/v1/prompts")
    version = said.get("version")
    if isinstance(version, str) and version.isdecimal():
        version = int(version)
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise _wrong("prompt.version", "must be a number")
    variables = said.get("variables") or {}
    if not isinstance(variables, dict):
        raise _wrong("prompt.variables", "must be an object")
    try:
        prompt = prompts.get(said["id"], version)
        rendered = prompt.render(**variables)
    except PromptError as error:
        raise _wrong("prompt", str(error)) from error
    own = body.get("messages")
    body["messages"] = [*rendered, *own] if isinstance(own, list) else rendered
    for name, hint in prompt.model_hints.items():
        body.setdefault(name, hint)
    return prompt


def _number(body: dict[str, Any], name: str, least: int, most: int = 2**31) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _wrong(name, f"must be a whole number of at least {least}")
    return value


def _wrong(field: str, reason: str) -> Unprocessable:
    return Unprocessable(f"{field}: {reason}.", errors=[{"field": field, "reason": reason}], param=field)
