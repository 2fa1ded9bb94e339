"""A server of OpenAI's Responses for tests: real HTTP, the output that a test sets, and its own count of tokens."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.support.upstream import Upstream

USAGE: dict[str, Any] = {
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 18,
}


def text_item(text: str, **more: Any) -> dict[str, Any]:
    """Return a message of the output."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": [], **more}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def refusal_item(text: str) -> dict[str, Any]:
    """Return a message with a refusal."""
    content = [{"type": "refusal", "refusal": text}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


def call_item(arguments: str, name: str = "weather", call_id: str = "call_1") -> dict[str, Any]:
    """Return the call of a function."""
    fields = {"id": f"fc_{call_id}", "call_id": call_id, "name": name, "arguments": arguments, "status": "completed"}
    return {"type": "function_call", **fields}


def reasoning_item(summary: str, encrypted: str | None = None, text: str | None = None) -> dict[str, Any]:
    """Return an item of reasoning."""
    item: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": summary}]}
    if text is not None:
        item["content"] = [{"type": "reasoning_text", "text": text}]
    if encrypted is not None:
        item["encrypted_content"] = encrypted
    return item


@dataclass
class ResponsesUpstream(Upstream):
    """The server.

    Attributes
    ----------
    output : items of the answers; the text `say` unless set.
    ending : other fields of the answers, such as `status`.
    cuts : characters of each piece of a streamed text.
    """

    output: list[dict[str, Any]] | None = field(default=None, repr=False)
    ending: dict[str, Any] = field(default_factory=dict)
    cuts: int = 5

    async def count_tokens(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(await request.json())
        return web.json_response({"object": "response.input_tokens", "input_tokens": 42})

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/v1/responses", self.responses)
        router.add_post("/v1/responses/input_tokens", self.count_tokens)
        router.add_get("/v1/models", self.models)

    async def responses(self, request: web.Request) -> web.StreamResponse:
        failed = self._failed(request)
        if failed is not None:
            return failed
        body = await request.json()
        self.seen.append(body)
        if body.get("stream") and self.stream is not None:
            return await self._send(request, self.stream)
        response = self.response_to(body)
        if not body.get("stream"):
            self.tokens_out += USAGE["output_tokens"]
            return web.json_response(response, status=self.answer_status)
        events = self.events if self.events is not None else events_of(response, self.cuts)
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        for number, event in enumerate(events):
            await asyncio.sleep(self.delay_s)
            if request.transport is None or request.transport.is_closing():
                return stream
            data = json.dumps({**event, "sequence_number": number})
            await stream.write(f"event: {event['type']}\ndata: {data}\n\n".encode())
            self.tokens_out += event["type"].endswith(".delta")
        return stream

    def response_to(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the whole response to a request."""
        output = self.output if self.output is not None else [text_item(self.say or "Hello there")]
        response = {
            "id": "resp_0123",
            "object": "response",
            "created_at": 1,
            "model": body["model"],
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "instructions": body.get("instructions"),
            "metadata": body.get("metadata") or {},
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": body.get("tool_choice", "auto"),
            "tools": body.get("tools", []),
            "usage": USAGE,
        }
        return response | self.ending


def events_of(response: dict[str, Any], cuts: int) -> Iterator[dict[str, Any]]:
    """Yield the events of a response as OpenAI sends them, without their numbers."""
    begun = {
        **response,
        "status": "in_progress",
        "output": [],
        "usage": None,
        "error": None,
        "incomplete_details": None,
    }
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for place, item in enumerate(response["output"]):
        yield from _events_of_item(item, place, cuts)
    yield {"type": f"response.{response['status']}", "response": response}


def _events_of_item(item: dict[str, Any], place: int, cuts: int) -> Iterator[dict[str, Any]]:
    at = {"item_id": item["id"], "output_index": place}
    empty = {**item, "status": "in_progress"}
    empty |= {name: [] for name in ("content", "summary") if name in item}
    if "arguments" in item:
        empty["arguments"] = ""
    yield {"type": "response.output_item.added", "output_index": place, "item": empty}
    for index, part in enumerate(item.get("summary", [])):
        yield from _events_of_part({**at, "summary_index": index}, part, "response.reasoning_summary", cuts)
    for index, part in enumerate(item.get("content", [])):
        yield from _events_of_part({**at, "content_index": index}, part, "response", cuts)
    if "arguments" in item:
        for piece in _pieces(item["arguments"], cuts):
            yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
        done = {"arguments": item["arguments"], "name": item["name"]}
        yield {"type": "response.function_call_arguments.done", **at, **done}
    yield {"type": "response.output_item.done", "output_index": place, "item": item}


def _events_of_part(at: dict[str, Any], part: dict[str, Any], prefix: str, cuts: int) -> Iterator[dict[str, Any]]:
    name = "refusal" if part["type"] == "refusal" else "text"
    is_summary = part["type"] == "summary_text"
    holder = f"{prefix}_part" if is_summary else "response.content_part"
    stem = "response.reasoning_summary_text" if is_summary else f"response.{part['type']}"
    more: dict[str, Any] = {"logprobs": []} if part["type"] == "output_text" else {}
    yield {"type": f"{holder}.added", **at, "part": {**part, name: "", **({"annotations": []} if more else {})}}
    for piece in _pieces(part[name], cuts):
        yield {"type": f"{stem}.delta", **at, "delta": piece, **more}
    for number, annotation in enumerate(part.get("annotations", [])):
        fields = {"annotation": annotation, "annotation_index": number}
        yield {"type": "response.output_text.annotation.added", **at, **fields}
    yield {"type": f"{stem}.done", **at, name: part[name], **more}
    yield {"type": f"{holder}.done", **at, "part": part}


def _pieces(text: str, cuts: int) -> Iterator[str]:
    yield from (text[start : start + cuts] for start in range(0, len(text), cuts))
