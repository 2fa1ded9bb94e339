"""A server of Anthropic's Messages for tests: real HTTP, answers that a test sets or that repeat the question."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.support.upstream import KEY


@dataclass
class MessagesUpstream:
    """The server, and what it has received.

    Attributes
    ----------
    blocks : content of the answers; the last text of the request unless set.
    usage : usage of the answers.
    fail : statuses of the next answers, before any succeeds; `error` is their error.
    error_in_stream : whether a stream breaks after its first block with `error`.
    seen : bodies of the requests that were answered; `headers` : of the last one.
    piece : characters of a text in one delta.
    """

    url: str = ""
    blocks: list[dict[str, Any]] | None = None
    stop_reason: str = "end_turn"
    usage: dict[str, Any] = field(default_factory=lambda: {"input_tokens": 8, "output_tokens": 5})
    fail: list[int] = field(default_factory=list)
    error: dict[str, Any] = field(default_factory=lambda: {"type": "overloaded_error", "message": "Overloaded"})
    error_in_stream: bool = False
    seen: list[dict[str, Any]] = field(default_factory=list, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    piece: int = 4

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add what it answers."""
        router.add_post("/v1/messages", self.messages)
        router.add_post("/v1/messages/count_tokens", self.count_tokens)

    async def messages(self, request: web.Request) -> web.StreamResponse:
        self.headers = dict(request.headers)
        if request.headers.get("x-api-key") != KEY or "anthropic-version" not in request.headers:
            return _error(401, {"type": "authentication_error", "message": "invalid x-api-key"})
        if self.fail:
            return _error(self.fail.pop(0), self.error)
        body = await request.json()
        self.seen.append(body)
        blocks = self.blocks if self.blocks is not None else [{"type": "text", "text": _last_text(body)}]
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": blocks,
            "stop_reason": self.stop_reason,
            "stop_sequence": None,
            "usage": self.usage,
        }
        return await self._stream(request, message) if body.get("stream") else web.json_response(message)

    async def count_tokens(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(await request.json())
        return web.json_response({"input_tokens": 42})

    async def _stream(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in self.events(message):
            await response.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        return response

    def events(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the events of a stream of a message."""
        start_usage = {**message["usage"], "output_tokens": 1}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "usage": start_usage}},
            {"type": "ping"},
        ]
        for place, block in enumerate(message["content"]):
            events.append({"type": "content_block_start", "index": place, "content_block": _empty(block)})
            events += [{"type": "content_block_delta", "index": place, "delta": delta} for delta in self._deltas(block)]
            if self.error_in_stream:
                return [*events, {"type": "error", "error": self.error}]
            events.append({"type": "content_block_stop", "index": place})
        delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        usage = {"output_tokens": message["usage"]["output_tokens"]}
        return [*events, {"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]

    def _deltas(self, block: dict[str, Any]) -> list[dict[str, Any]]:
        match block["type"]:
            case "text":
                deltas = [{"type": "text_delta", "text": piece} for piece in self._pieces(block["text"])]
                citations = block.get("citations") or ()
                return deltas + [{"type": "citations_delta", "citation": citation} for citation in citations]
            case "tool_use":
                pieces = self._pieces(json.dumps(block["input"]))
                return [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces)]
            case "thinking":
                deltas = [{"type": "thinking_delta", "thinking": piece} for piece in self._pieces(block["thinking"])]
                return [*deltas, {"type": "signature_delta", "signature": block["signature"]}]
        return []

    def _pieces(self, text: str) -> list[str]:
        return [text[place : place + self.piece] for place in range(0, len(text), self.piece)]


def _empty(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block as it begins in a stream."""
    empty: dict[str, dict[str, Any]] = {
        "text": {"text": ""},
        "tool_use": {"input": {}},
        "thinking": {"thinking": "", "signature": ""},
    }
    started = {**block, **empty.get(block["type"], {})}
    return {name: value for name, value in started.items() if name != "citations"}


def _error(status: int, error: dict[str, Any]) -> web.Response:
    return web.json_response({"type": "error", "error": error, "request_id": "req_1"}, status=status)


def _last_text(body: dict[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    block = content[-1]
    return block["text"] if block["type"] == "text" else str(block.get("content", ""))
