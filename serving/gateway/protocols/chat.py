"""OpenAI's chat completions: what all other protocols are translated to, so nothing is to be translated here."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from guard_store.spending.amounts import Amount
from serving.gateway.protocols.fields import read_model, read_number, read_objects, read_stream, wrong_field
from serving.gateway.protocols.protocol import EventWriter, ModelRequest, Protocol
from serving.gateway.upstreams.events import DONE_MARK, Events
from serving.http.client_errors import openai_body
from serving.http.problems import Problem
from serving.http.server_sent_events import KEEP_ALIVE, format_event

DONE: Final = format_event(DONE_MARK)
"""The last event of a stream."""
_MAX_CHOICES: Final = 128


class ChatEventWriter(EventWriter):
    """Writes chunks as they are."""

    keep_alive: ClassVar[bytes] = KEEP_ALIVE
    keeps_order: ClassVar[bool] = False

    def write(self, chunk: dict[str, Any]) -> bytes:
        """Return the event of a chunk."""
        return format_event(chunk)

    def end(self, usage: Amount) -> bytes:  # noqa: ARG002 - the usage, if wanted, was a chunk
        """Return `[DONE]`."""
        return DONE

    def format_error(self, problem: Problem) -> bytes:
        """Return the event that reports a problem."""
        return format_event(openai_body(problem))


class ChatProtocol(Protocol):
    """OpenAI's chat completions."""

    name: ClassVar[str] = "chat"
    path: ClassVar[str] = "/chat/completions"
    prompt_fields: ClassVar[tuple[str, ...]] = ("messages", "tools")
    schema_fields: ClassVar[tuple[str, ...]] = ("functions", "response_format", "tools")
    end_user_paths: ClassVar[tuple[tuple[str, ...], ...]] = (("safety_identifier",), ("user",))

    def headers(self, host: str, key: str | None) -> dict[str, str]:
        """Return the headers of requests to a server, with its key."""
        if key is None:
            return {}
        is_azure = host.endswith(".azure.com")
        return {"Authorization": f"Bearer {key}"} | ({"api-key": key} if is_azure else {})

    def read_request(self, body: dict[str, Any], *, default_model: str | None, most_out: int) -> ModelRequest:
        """Validate a caller's request; raises as in `Protocol`."""
        read_objects(body, "messages", "message")
        body["model"] = model = read_model(body, default_model)
        stream = read_stream(body)
        wants_usage = False
        if stream:
            options = body.get("stream_options") or {}
            if not isinstance(options, dict):
                raise wrong_field("stream_options", "must be an object")
            wants_usage = options.get("include_usage") is True
        choices = read_number(body, "n", 1, _MAX_CHOICES) or 1
        bound = read_number(body, "max_completion_tokens", 1) or read_number(body, "max_tokens", 1) or most_out
        return ModelRequest(self, body, model, stream, wants_usage, bound * choices)

    def request_to_chat(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the request."""
        return dict(body)

    def request_from_chat(self, body: Mapping[str, Any], max_tokens: int) -> dict[str, Any]:  # noqa: ARG002
        """Return the request."""
        return dict(body)

    def answer_to_chat(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Return the answer."""
        return answer

    def answer_from_chat(self, answer: dict[str, Any], request: ModelRequest, usage: Amount) -> dict[str, Any]:  # noqa: ARG002
        """Return the answer."""
        return answer

    def events(self) -> Events:
        """Return a reader of a server's stream."""
        return Events()

    def writer(self, request: ModelRequest, tokens_in: int) -> EventWriter:  # noqa: ARG002
        """Return a writer that leaves chunks as they are."""
        return ChatEventWriter()


CHAT: Final = ChatProtocol()
