"""The chunks of a chat completion as the events of a response."""

from collections.abc import Iterable
from typing import Any, ClassVar

from guard_store.spending.amounts import Amount
from serving.gateway.protocols.protocol import EventWriter, ModelRequest
from serving.gateway.protocols.responses.answer import build_response, end_response, format_usage
from serving.gateway.protocols.responses.output import Event, Output
from serving.http.client_errors import openai_body
from serving.http.problems import Problem
from serving.http.server_sent_events import KEEP_ALIVE, format_event


class ResponsesEventWriter(EventWriter):
    """Writes one response: its items as they come, all of them closed at the end, in their order."""

    keep_alive: ClassVar[bytes] = KEEP_ALIVE
    keeps_order: ClassVar[bool] = True

    def __init__(self, request: ModelRequest) -> None:
        self._request = request
        self._response: dict[str, Any] | None = None
        self._output = Output()
        self._finish_reason: Any = None
        self._count = 0

    def write(self, chunk: dict[str, Any]) -> bytes:
        """Return the events of a chunk; of its choices, a response has the first."""
        choice = next((choice for choice in chunk["choices"] if choice["index"] == 0), None)
        if choice is None:
            return b""
        logprobs = choice.get("logprobs")
        self._finish_reason = choice["finish_reason"] or self._finish_reason
        entries = logprobs.get("content") if isinstance(logprobs, dict) else None
        return self._begin(chunk) + self._format(self._output.add(choice["delta"], entries))

    def end(self, usage: Amount) -> bytes:
        """Close all items, and end the response with its whole output and usage."""
        begun = self._begin({})
        ending = end_response(self._finish_reason)
        closed = self._format(self._output.close(is_complete=ending["status"] == "completed"))
        whole = {**(self._response or {}), **ending, "output": self._output.items, "usage": format_usage(usage)}
        return begun + closed + self._format([{"type": f"response.{ending['status']}", "response": whole}])

    def format_error(self, problem: Problem) -> bytes:
        """Return the event that reports a problem, with the number of the last event."""
        return format_event({**error_event(problem), "sequence_number": self._count}, "error")

    def _begin(self, chunk: dict[str, Any]) -> bytes:
        if self._response is not None:
            return b""
        self._response = response = build_response(self._request, chunk)
        names = ("response.created", "response.in_progress")
        return self._format({"type": name, "response": response} for name in names)

    def _format(self, events: Iterable[Event]) -> bytes:
        out = bytearray()
        for event in events:
            out += format_event({**event, "sequence_number": self._count}, event["type"])
            self._count += 1
        return bytes(out)


def error_event(problem: Problem) -> Event:
    """Return the event of a problem: its fields as documented, and in `error`, where the official client looks for them."""
    error = openai_body(problem)["error"]
    fields = {name: error.get(name) for name in ("code", "message", "param")}
    return {"type": "error", **fields, "error": error}
