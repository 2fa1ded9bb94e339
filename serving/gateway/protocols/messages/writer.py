"""Chunks of a streamed chat completion, written as a stream of Messages."""

from collections.abc import Iterator
from typing import Any, ClassVar

from guard_store.spending.amounts import Amount
from serving.gateway.protocols.messages.answers import (
    reason_from_chat,
    reasoning_of,
    usage_from_amount,
)
from serving.gateway.protocols.protocol import EventWriter
from serving.gateway.upstreams.decoding import join_parts, list_objects
from serving.http.client_errors import anthropic_body
from serving.http.problems import Problem
from serving.http.server_sent_events import format_event


def format_named(event: dict[str, Any]) -> bytes:
    """Format an event under the name of its type."""
    return format_event(event, event["type"])


class MessagesEventWriter(EventWriter):
    """Writes one answer: its blocks in the order in which they begin.

    Parameters
    ----------
    model : name of the model if the chunks have none.
    tokens_in : estimate of the prompt, which the first event reports; the last one has the usage.
    """

    keep_alive: ClassVar[bytes] = format_named({"type": "ping"})
    keeps_order: ClassVar[bool] = True

    def __init__(self, model: str, tokens_in: int) -> None:
        self._model = model
        self._tokens_in = tokens_in
        self._has_started = False
        self._count = 0
        self._open: tuple[str, Any] | None = None  # kind of the open block, and what tells it from others of its kind
        self._calls: dict[Any, int] = {}  # block of each call, by the index of the call
        self._has_details = False
        self._signature = ""  # of the open block of thinking: it follows the text, of which a part may be held back
        self._reason: Any = None

    def write(self, chunk: dict[str, Any]) -> bytes:
        """Return the events of a chunk; the reason of the end waits for `end`."""
        events = [] if self._has_started else [self._start(chunk)]
        for choice in chunk.get("choices") or ():
            if choice.get("index") == 0:
                events += self._delta(choice.get("delta") or {})
                self._reason = choice.get("finish_reason") or self._reason
        return b"".join(map(format_named, events))

    def end(self, usage: Amount) -> bytes:
        """Return the last events."""
        events = [] if self._has_started else [self._start({})]
        events += self._close()
        delta = {"stop_reason": reason_from_chat(self._reason, has_calls=bool(self._calls)), "stop_sequence": None}
        events.append({"type": "message_delta", "delta": delta, "usage": usage_from_amount(usage)})
        events.append({"type": "message_stop"})
        return b"".join(map(format_named, events))

    def format_error(self, problem: Problem) -> bytes:
        """Return the event that reports a problem."""
        return format_named(anthropic_body(problem))

    def _start(self, chunk: dict[str, Any]) -> dict[str, Any]:
        self._has_started = True
        message: dict[str, Any] = {
            "id": chunk.get("id") or "",
            "type": "message",
            "role": "assistant",
            "model": chunk.get("model") or self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_from_amount(Amount(tokens_in=self._tokens_in)),
        }
        return {"type": "message_start", "message": message}

    def _delta(self, delta: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield from self._reasoning(delta)
        for name in ("content", "refusal"):
            text = join_parts(delta.get(name))
            if text:
                yield from self._open_block("text", None, {"type": "text", "text": ""})
                yield self._block_delta({"type": "text_delta", "text": text})
        for citation in delta.get("annotations") or ():
            if self._open == ("text", None) and isinstance(citation, dict) and "cited_text" in citation:
                yield self._block_delta({"type": "citations_delta", "citation": citation})
        for call in delta.get("tool_calls") or ():
            yield from self._call(call)

    def _reasoning(self, delta: dict[str, Any]) -> Iterator[dict[str, Any]]:
        details = list_objects(delta.get("reasoning_details"))
        self._has_details = self._has_details or bool(details)
        if not self._has_details and reasoning_of(delta):
            details = [{"text": reasoning_of(delta)}]
        for detail in details:
            if detail.get("type") == "reasoning.encrypted":
                yield from self._close()
                yield from self._open_block(
                    "redacted", None, {"type": "redacted_thinking", "data": detail.get("data") or ""}
                )
                yield from self._close()
                continue
            yield from self._open_block(
                "thinking", detail.get("index"), {"type": "thinking", "thinking": "", "signature": ""}
            )
            text = detail.get("text") or detail.get("summary")
            if text:
                yield self._block_delta({"type": "thinking_delta", "thinking": text})
            self._signature = detail.get("signature") or self._signature

    def _call(self, call: dict[str, Any]) -> Iterator[dict[str, Any]]:
        place, function = call.get("index"), call.get("function") or {}
        if place not in self._calls:
            block: dict[str, Any] = {
                "type": "tool_use",
                "id": call.get("id") or "",
                "name": function.get("name") or "",
                "input": {},
            }
            yield from self._open_block("call", place, block)
            self._calls[place] = self._count - 1
        if function.get("arguments"):
            delta = {"type": "input_json_delta", "partial_json": function["arguments"]}
            yield {"type": "content_block_delta", "index": self._calls[place], "delta": delta}

    def _open_block(self, kind: str, key: Any, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Begin a block unless it is the open one."""
        if self._open == (kind, key):
            return
        yield from self._close()
        yield {"type": "content_block_start", "index": self._count, "content_block": block}
        self._open = (kind, key)
        self._count += 1

    def _block_delta(self, delta: dict[str, Any]) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": self._count - 1, "delta": delta}

    def _close(self) -> Iterator[dict[str, Any]]:
        if self._signature:
            yield self._block_delta({"type": "signature_delta", "signature": self._signature})
            self._signature = ""
        if self._open is not None:
            yield {"type": "content_block_stop", "index": self._count - 1}
            self._open = None
