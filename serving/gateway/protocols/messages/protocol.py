"""Anthropic's Messages as a protocol of the gateway."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from guard_store.spending.amounts import Amount
from serving.gateway.protocols.fields import read_stream
from serving.gateway.protocols.messages import answers, request_from_chat, request_to_chat, schemas
from serving.gateway.protocols.messages.events import MessagesEvents
from serving.gateway.protocols.messages.writer import MessagesEventWriter
from serving.gateway.protocols.protocol import EventWriter, ModelRequest, TranslatedProtocol
from serving.gateway.upstreams.events import Events

_VERSION: Final = "2023-06-01"


class MessagesProtocol(TranslatedProtocol):
    """Anthropic's Messages."""

    name: ClassVar[str] = "messages"
    path: ClassVar[str] = "/messages"
    prompt_fields: ClassVar[tuple[str, ...]] = ("system", "messages", "tools")
    schema_fields: ClassVar[tuple[str, ...]] = ("tools", "output_config")
    end_user_paths: ClassVar[tuple[tuple[str, ...], ...]] = (("metadata", "user_id"),)
    server_fields: ClassVar[frozenset[str]] = frozenset({"id", "type", "role", "model", "usage", "stop_reason"})
    count_path: ClassVar[str] = "/messages/count_tokens"

    def headers(self, host: str, key: str | None) -> dict[str, str]:  # noqa: ARG002
        """Return the headers of requests to a server, with its key."""
        return {"anthropic-version": _VERSION} | ({} if key is None else {"x-api-key": key})

    def read_prompt(self, body: dict[str, Any], *, default_model: str | None) -> ModelRequest:  # noqa: ARG002
        """Validate a prompt whose tokens are to be counted; raises as in `Protocol`."""
        return ModelRequest(self, body, schemas.read_prompt(body), stream=False, wants_usage=False, tokens_out=0)

    def format_count(self, tokens: int) -> dict[str, Any]:
        """Return the answer with the tokens of a prompt."""
        return {"input_tokens": tokens}

    def read_request(self, body: dict[str, Any], *, default_model: str | None, most_out: int) -> ModelRequest:  # noqa: ARG002
        """Validate a caller's request; raises as in `Protocol`."""
        model, stream = schemas.read_prompt(body), read_stream(body)
        return ModelRequest(self, body, model, stream, wants_usage=False, tokens_out=schemas.read_max_tokens(body))

    def request_to_chat(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Translate a request to chat completions; raises as in `Protocol`."""
        return request_to_chat.request_to_chat(body)

    def request_from_chat(self, body: Mapping[str, Any], max_tokens: int) -> dict[str, Any]:
        """Translate a request of chat completions; raises as in `Protocol`."""
        return request_from_chat.request_from_chat(body, max_tokens)

    def answer_to_chat(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Translate a server's whole answer to a chat completion."""
        return answers.answer_to_chat(answer)

    def answer_from_chat(self, answer: dict[str, Any], request: ModelRequest, usage: Amount) -> dict[str, Any]:
        """Translate a chat completion to the whole answer to a request."""
        return answers.answer_from_chat(answer, request.model, usage)

    def withhold(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return an answer without its content."""
        kept = {name: value for name, value in answer.items() if name in self.server_fields}
        return {**kept, "content": [], "stop_reason": answers.WITHHELD, "stop_sequence": None}

    def events(self) -> Events:
        """Return a reader of a server's stream, whose events are those of chat completions."""
        return MessagesEvents()

    def writer(self, request: ModelRequest, tokens_in: int) -> EventWriter:
        """Return a writer of the streamed answer to a request."""
        return MessagesEventWriter(request.model, tokens_in)


MESSAGES: Final = MessagesProtocol()
