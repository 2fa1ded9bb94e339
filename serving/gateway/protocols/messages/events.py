"""A server's stream of Messages, as chunks of chat completions."""

import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from serving.gateway.protocols.messages.answers import REASONS_TO_CHAT, answer_to_chat, reasoning_details, usage_to_chat
from serving.gateway.upstreams.events import DONE_MARK, Events, find_error, parse_event

_encode = msgspec.json.Encoder().encode


class MessagesEvents(Events):
    """Parses a stream of Messages; its events are those of a stream of chat completions."""

    def __init__(self) -> None:
        super().__init__()
        self._chunks: deque[bytes] = deque()
        self._head: dict[str, Any] = {"object": "chat.completion.chunk", "created": int(time.time())}
        self._usage: dict[str, Any] = {}
        self._calls: dict[Any, _Call] = {}  # by the index of their block

    def next(self) -> bytes | None:
        """Return the data of the next chunk; as in `Events`."""
        if not self._chunks:
            data = super().next()
            if not data:
                return data
            self._chunks += map(_encode_chunk, self._translate(parse_event(data)))
        return self._chunks.popleft() if self._chunks else b""

    def _translate(self, event: dict[str, Any]) -> Iterator[Any]:
        if find_error(event):
            yield event
            return
        match event.get("type"):
            case "message":  # a whole answer in place of a stream
                yield answer_to_chat(event)
                yield DONE_MARK
            case "message_start":
                message = _object(event, "message")
                self._head |= {name: message[name] for name in ("id", "model") if name in message}
                self._usage = _object(message, "usage")
                yield self._chunk({"role": "assistant", "content": ""})
            case "content_block_start":
                yield from self._start(event.get("index"), _object(event, "content_block"))
            case "content_block_delta":
                yield from self._delta(event.get("index"), _object(event, "delta"))
            case "content_block_stop":
                yield from self._stop(event.get("index"))
            case "message_delta":
                self._usage |= {name: value for name, value in _object(event, "usage").items() if value is not None}
                reason = _object(event, "delta").get("stop_reason")
                if reason:
                    yield self._chunk({}, REASONS_TO_CHAT.get(reason, "stop"))
            case "message_stop":
                yield {**self._head, "choices": [], "usage": usage_to_chat(self._usage)}
                yield DONE_MARK

    def _start(self, place: Any, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if block.get("type") == "tool_use":
            call = self._calls[place] = _Call(len(self._calls), block.get("input") or {})
            function = {"name": block.get("name", ""), "arguments": ""}
            yield self._chunk(
                {"tool_calls": [{"index": call.place, "id": block.get("id"), "type": "function", "function": function}]}
            )
        elif block.get("type") == "text":
            yield from self._text(block.get("text"))
        else:
            yield from self._reasoning(block, place)

    def _delta(self, place: Any, delta: dict[str, Any]) -> Iterator[dict[str, Any]]:
        match delta.get("type"):
            case "text_delta":
                yield from self._text(delta.get("text"))
            case "input_json_delta" if place in self._calls and delta.get("partial_json"):
                yield self._chunk({"tool_calls": [self._calls[place].arguments(delta["partial_json"])]})
            case "thinking_delta":
                yield from self._reasoning({"type": "thinking", "thinking": delta.get("thinking")}, place)
            case "signature_delta":
                detail = {"type": "reasoning.text", "signature": delta.get("signature"), "index": place}
                yield self._chunk({"reasoning_details": [detail]})
            case "citations_delta":
                yield self._chunk({"annotations": [delta.get("citation")]})

    def _stop(self, place: Any) -> Iterator[dict[str, Any]]:
        """Complete a block; the input of a tool that came whole, at its start, is sent now."""
        call = self._calls.get(place)
        if call is not None and not call.has_arguments:
            yield self._chunk({"tool_calls": [call.arguments(msgspec.json.encode(call.input).decode())]})

    def _text(self, text: Any) -> Iterator[dict[str, Any]]:
        if text:
            yield self._chunk({"content": text})

    def _reasoning(self, block: dict[str, Any], place: Any) -> Iterator[dict[str, Any]]:
        for detail in reasoning_details(block, place):
            if any(detail.get(name) for name in ("text", "signature", "data")):
                text = {"reasoning": detail["text"]} if detail.get("text") else {}
                yield self._chunk({**text, "reasoning_details": [detail]})

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {**self._head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


class _Call:
    """A call of a tool in a stream; `place` is its index among the calls."""

    def __init__(self, place: int, arguments: dict[str, Any]) -> None:
        self.place = place
        self.input = arguments
        self.has_arguments = False

    def arguments(self, piece: str) -> dict[str, Any]:
        """Return the delta of a piece of the arguments."""
        self.has_arguments = True
        return {"index": self.place, "function": {"arguments": piece}}


def _encode_chunk(chunk: Any) -> bytes:
    return chunk if isinstance(chunk, bytes) else _encode(chunk)


def _object(event: dict[str, Any], name: str) -> dict[str, Any]:
    value = event.get(name)
    return dict(value) if isinstance(value, dict) else {}
