"""Requests of the routes for clients of language models. Other fields go to the upstream unchanged."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from serving.gateway.prompts.book import PromptBook
from serving.gateway.prompts.template import Prompt, PromptError
from serving.gateway.protocols.chat import CHAT
from serving.gateway.protocols.fields import MAX_END_USER, read_end_user, wrong_field
from serving.gateway.protocols.protocol import ModelRequest, Protocol
from serving.http.limits.body import MAX_DEPTH, is_too_deep
from serving.http.problems import Unprocessable


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
        Annotated[str, Meta(max_length=MAX_END_USER, description="The end user, for usage and ledger.")] | UnsetType
    ) = UNSET
    prompt: PromptReference | UnsetType = UNSET


class TokenCountBody(msgspec.Struct):
    """A prompt of Anthropic's Messages whose tokens are counted."""

    model: str
    messages: list[dict[str, Any]]
    system: str | list[dict[str, Any]] | UnsetType = UNSET
    tools: list[dict[str, Any]] | UnsetType = UNSET


class MessagesBody(TokenCountBody, kw_only=True):
    """A request of Anthropic's Messages; other fields go to an upstream of the same protocol unchanged."""

    max_tokens: int
    stream: bool = False


class ResponseBody(msgspec.Struct):
    """A request of OpenAI's Responses; other fields go to a server of Responses unchanged."""

    input: str | list[dict[str, Any]]
    model: str | UnsetType = UNSET
    instructions: str | UnsetType = UNSET
    stream: bool = False
    user: (
        Annotated[str, Meta(max_length=MAX_END_USER, description="The end user, for usage and ledger.")] | UnsetType
    ) = UNSET


class EmbeddingsBody(msgspec.Struct):
    """A request of OpenAI's embeddings; other fields go to the upstream unchanged."""

    model: str
    input: str | list[Any]


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


def validate_request(
    body: dict[str, Any], protocol: Protocol, prompts: PromptBook, *, default_model: str | None, most_out: int
) -> ModelRequest:
    """Validate a request; one of chat completions may name a prompt, whose messages are put before its own.

    Raises
    ------
    Unprocessable
        If a field is wrong; the message names it.
    """
    prompt = _insert_prompt(body, prompts) if protocol is CHAT else None
    request = protocol.read_request(body, default_model=default_model, most_out=most_out)
    read_end_user(body, protocol.end_user_paths)
    request.prompt = prompt
    return request


def _insert_prompt(body: dict[str, Any], prompts: PromptBook) -> Prompt | None:
    """Replace a body's reference to a prompt, `{id, version?, variables?}`, with the messages of the prompt."""
    reference = body.pop("prompt", None)
    if reference is None:
        return None
    if not isinstance(reference, dict) or not isinstance(reference.get("id"), str):
        raise wrong_field("prompt", "must be an object with the id of a prompt: see GET /api/v1/prompts")
    version = reference.get("version")
    if isinstance(version, str) and version.isdecimal():
        version = int(version)
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise wrong_field("prompt.version", "must be a number")
    variables = reference.get("variables") or {}
    if not isinstance(variables, dict):
        raise wrong_field("prompt.variables", "must be an object")
    try:
        prompt = prompts.get(reference["id"], version)
        rendered = prompt.render(**variables)
    except PromptError as error:
        raise wrong_field("prompt", str(error)) from error
    messages = body.get("messages")
    body["messages"] = [*rendered, *messages] if isinstance(messages, list) else rendered
    for name, hint in prompt.model_hints.items():
        body.setdefault(name, hint)
    return prompt
