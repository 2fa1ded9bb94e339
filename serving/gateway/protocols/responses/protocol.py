"""OpenAI's Responses as a protocol of callers and servers."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from guard_store.spending.amounts import Amount
from serving.gateway.protocols.chat import CHAT
from serving.gateway.protocols.fields import read_model, read_number, read_stream
from serving.gateway.protocols.protocol import EventWriter, ModelRequest, TranslatedProtocol
from serving.gateway.protocols.responses.answer import answer_from_chat, answer_to_chat, end_response, seal_ids
from serving.gateway.protocols.responses.events import ResponsesEvents
from serving.gateway.protocols.responses.request import check_own_request, request_from_chat, request_to_chat
from serving.gateway.protocols.responses.writer import ResponsesEventWriter
from serving.gateway.upstreams.events import Events


class ResponsesProtocol(TranslatedProtocol):
    """OpenAI's Responses."""

    name: ClassVar[str] = "responses"
    path: ClassVar[str] = "/responses"
    prompt_fields: ClassVar[tuple[str, ...]] = ("input", "instructions", "tools")
    schema_fields: ClassVar[tuple[str, ...]] = ("text", "tools")
    end_user_paths: ClassVar[tuple[tuple[str, ...], ...]] = CHAT.end_user_paths
    server_fields: ClassVar[frozenset[str]] = frozenset(
        {"id", "object", "created_at", "completed_at", "model", "status", "usage", "service_tier"}
    )
    count_path: ClassVar[str] = "/responses/input_tokens"

    def headers(self, host: str, key: str | None) -> dict[str, str]:
        """Return the headers of requests to a server, with its key."""
        return CHAT.headers(host, key)

    def read_prompt(self, body: dict[str, Any], *, default_model: str | None) -> ModelRequest:
        """Validate a prompt whose tokens are to be counted; raises as in `Protocol`."""
        return self.read_request(body, default_model=default_model, most_out=1)

    def format_count(self, tokens: int) -> dict[str, Any]:
        """Return the answer with the tokens of a prompt."""
        return {"object": "response.input_tokens", "input_tokens": tokens}

    def read_request(self, body: dict[str, Any], *, default_model: str | None, most_out: int) -> ModelRequest:
        """Validate a caller's request; raises as in `Protocol`."""
        check_own_request(body)
        body["model"] = model = read_model(body, default_model)
        bound = read_number(body, "max_output_tokens", 1) or most_out
        return ModelRequest(self, body, model, read_stream(body), wants_usage=False, tokens_out=bound)

    def request_to_chat(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Translate a request; raises as in `Protocol`."""
        return request_to_chat(body)

    def request_from_chat(self, body: Mapping[str, Any], max_tokens: int) -> dict[str, Any]:  # noqa: ARG002
        """Translate a request of chat completions; raises as in `Protocol`."""
        return request_from_chat(body)

    def answer_to_chat(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Translate a response; one that has failed is an error."""
        return answer_to_chat(answer)

    def answer_from_chat(self, answer: dict[str, Any], request: ModelRequest, usage: Amount) -> dict[str, Any]:
        """Translate a chat completion to a response."""
        return answer_from_chat(answer, request, usage)

    def events(self) -> Events:
        """Return a reader of a server's stream."""
        return ResponsesEvents()

    def writer(self, request: ModelRequest, tokens_in: int) -> EventWriter:  # noqa: ARG002 - usage comes at the end
        """Return a writer of the events of a response."""
        return ResponsesEventWriter(request)

    def own_answer(self, answer: dict[str, Any], request: ModelRequest) -> dict[str, Any]:
        """Return a checked response with sealed ids."""
        return seal_ids(answer, request)

    def withhold(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return a response without its output, incomplete because of the policy."""
        kept = {name: value for name, value in answer.items() if name in self.server_fields}
        kept |= {"output": [], "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
        return {**kept, **end_response("content_filter"), "completed_at": None}


RESPONSES: Final = ResponsesProtocol()
"""The protocol of OpenAI's Responses."""
