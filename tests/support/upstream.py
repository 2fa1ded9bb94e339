"""An OpenAI-compatible server for tests: real HTTP, answers that say what they were asked, and its own count of tokens.

A word is a token. What a request's model is called says how it is answered; `fail` says which of the next ones are not.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from aiohttp import web
from pydantic import SecretStr

from guard_core.settings import Price, Settings
from tests.support.settings import with_values

KEY = "up-" + "k" * 20


@dataclass
class Upstream:
    """The server, and what it has counted.

    Attributes
    ----------
    say : what it answers; the last message unless set.
    delay_s : before each token of a stream.
    answer : a whole answer, sent as it is with the status `answer_status`; `events` : those of a stream.
    silent_s : before an answer begins.
    stream : the bytes of a stream, sent as they are; `breaks_off` : then without the end of the body.
    refusal : status and body of the answer to requests with `stream_options`.
    refused_field : a field that is refused, as OpenAI refuses `max_tokens` for its newer models.
    fail : statuses of the next answers, before any succeeds; 0 breaks the connection.
    error_headers : of those; `error` is what they say.
    headers : of whole answers.
    keys : that it accepts; `keys_seen` are those of the requests.
    drip_s : between the bytes of `stream`, or of a whole answer that is set.
    seen : bodies of the requests that were answered.
    models_listed : ids of the models that it lists.
    """

    url: str = ""
    say: str | None = None
    delay_s: float = 0.0
    silent_s: float = 0.0
    answer: dict[str, Any] | None = field(default=None, repr=False)
    answer_status: int = 200
    events: list[dict[str, Any]] | None = field(default=None, repr=False)
    stream: bytes | None = field(default=None, repr=False)
    breaks_off: bool = False
    refusal: tuple[int, bytes] | None = field(default=None, repr=False)
    refused_field: str | None = None
    fail: list[int] = field(default_factory=list)
    error: dict[str, Any] = field(default_factory=dict)
    error_headers: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = (KEY,)
    keys_seen: list[str] = field(default_factory=list, repr=False)
    drip_s: float = 0.0
    seen: list[dict[str, Any]] = field(default_factory=list, repr=False)
    models_listed: list[str] = field(default_factory=lambda: ["stub"])
    traceparents: list[str] = field(default_factory=list)
    requests: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/v1/chat/completions", self.chat)
        router.add_post("/v1/embeddings", self.embeddings)
        router.add_get("/v1/models", self.models)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        failed = self._failed(request)
        if failed is not None:
            return failed
        body = await request.json()
        self.seen.append(body)
        await asyncio.sleep(self.silent_s)
        prepared = await self._prepared(request, body)
        if prepared is not None:
            return prepared
        tokens_in = sum(len(str(message.get("content")).split()) for message in body["messages"])
        self.tokens_in += tokens_in
        cached = tokens_in // 2 if "cached" in body["model"] else 0
        self.tokens_cached += cached
        said = self.say if self.say is not None else str(body["messages"][-1].get("content"))
        usage = {"prompt_tokens": tokens_in, "prompt_tokens_details": {"cached_tokens": cached}}
        if body.get("stream"):
            return await self._stream(request, body, said, usage)
        message: dict[str, Any] = {"role": "assistant", "content": said}
        n = len(said.split())
        if body.get("tools"):
            message |= {"content": None, "tool_calls": [_tool_call(body)]}
            n = 7
        self.tokens_out += n
        usage |= {"completion_tokens": n, "total_tokens": n + tokens_in}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if body.get("tools") else "stop"}
        if "silent" in body["model"]:
            return web.json_response({**_head(body), "object": "chat.completion", "choices": [choice]})
        answer = {**_head(body), "object": "chat.completion", "choices": [choice], "usage": usage}
        return web.json_response(answer, headers=self.headers)

    async def _prepared(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        """Send the answer that a test has set; None if it has set none."""
        if self.refused_field is not None and self.refused_field in body:
            message = f"Unsupported parameter: '{self.refused_field}'. Use 'max_completion_tokens' instead."
            error = {"message": message, "type": "invalid_request_error", "code": "unsupported_parameter"}
            return web.json_response({"error": error}, status=400)
        if self.refusal is not None and "stream_options" in body:
            return web.Response(status=self.refusal[0], body=self.refusal[1])
        if body.get("stream") and self.stream is not None:
            return await self._send(request, self.stream)
        if body.get("stream") and self.events is not None:
            return await self._events(request, body)
        if not body.get("stream") and self.answer is not None:
            answer = {**_head(body), "object": "chat.completion", **self.answer}
            return (
                await self._send(request, json.dumps(answer).encode(), "application/json")
                if self.drip_s
                else web.json_response(answer, status=self.answer_status)
            )
        return None

    async def _send(
        self, request: web.Request, data: bytes, content_type: str = "text/event-stream"
    ) -> web.StreamResponse:
        status = self.answer_status if content_type == "application/json" else 200
        response = web.StreamResponse(status=status, headers={"Content-Type": content_type})
        await response.prepare(request)
        try:
            for piece in (data[i : i + 1] for i in range(len(data))) if self.drip_s else (data,):
                await response.write(piece)
                await asyncio.sleep(self.drip_s)
        except ConnectionError:
            return response  # the gateway has given up
        if self.breaks_off and request.transport is not None:
            request.transport.close()
        return response

    async def _events(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in self.events or ():
            await response.write(b"data: " + json.dumps({**_head(body), **event}).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _stream(
        self, request: web.Request, body: dict[str, Any], said: str, usage: dict[str, Any]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        deltas: list[dict[str, Any]] = [{"content": f"{word} "} for word in said.split()]
        if body.get("tools"):
            call = _tool_call(body)
            name = {
                "index": 0,
                "id": call["id"],
                "type": "function",
                "function": {"name": call["function"]["name"], "arguments": ""},
            }
            pieces = [
                call["function"]["arguments"][place : place + 4]
                for place in range(0, len(call["function"]["arguments"]), 4)
            ]
            deltas = [{"tool_calls": [name]}] + [
                {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces
            ]
        head = {**_head(body), "object": "chat.completion.chunk"}
        n = 0

        async def send(choices: list[Any], **more: Any) -> None:
            await response.write(b"data: " + json.dumps({**head, "choices": choices, **more}).encode() + b"\n\n")

        try:
            await send([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
            for delta in deltas:
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if request.transport is None or request.transport.is_closing():
                    return response
                n += 1
                self.tokens_out += 1
                told = {**usage, "completion_tokens": n, "total_tokens": 0}
                more = {"usage": told} if "continuous" in body["model"] else {}
                await send([{"index": 0, "delta": delta, "finish_reason": None}], **more)
                if "breaks" in body["model"]:
                    request.transport.close()
                    return response
            await send([{"index": 0, "delta": {}, "finish_reason": "tool_calls" if body.get("tools") else "stop"}])
            if body.get("stream_options", {}).get("include_usage") and "silent" not in body["model"]:
                await send([], usage={**usage, "completion_tokens": n, "total_tokens": 0})
            await response.write(b"data: [DONE]\n\n")
        except ConnectionError:
            pass  # the guard has gone: this is counted already
        return response

    async def embeddings(self, request: web.Request) -> web.StreamResponse:
        failed = self._failed(request)
        if failed is not None:
            return failed
        body = await request.json()
        self.seen.append(body)
        if self.answer is not None:
            return web.json_response(self.answer, status=self.answer_status)
        inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
        n = sum(len(text.split()) for text in inputs)
        self.tokens_in += n
        data = [
            {"object": "embedding", "index": i, "embedding": [0.5, float(len(text))]} for i, text in enumerate(inputs)
        ]
        usage = {"prompt_tokens": n, "total_tokens": n}
        return web.json_response({"object": "list", "data": data, "model": body["model"], "usage": usage})

    async def models(self, request: web.Request) -> web.StreamResponse:
        failed = self._failed(request)
        if failed is not None:
            return failed
        models = [{"id": name, "object": "model", "created": 1, "owned_by": "t"} for name in self.models_listed]
        return web.json_response({"object": "list", "data": models})

    def _failed(self, request: web.Request) -> web.Response | None:
        self.requests += 1
        self.traceparents.append(request.headers.get("traceparent", ""))
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.keys_seen.append(key)
        if key not in self.keys:
            return web.json_response({"error": {"message": f"wrong key {request.headers}", "code": "x"}}, status=401)
        if not self.fail:
            return None
        status = self.fail.pop(0)
        if status == 0 and request.transport is not None:
            request.transport.abort()
        error = {"message": f"failed with {status}", "type": "invalid_request_error", "param": "model", "code": "nope"}
        return web.json_response({"error": error | self.error}, status=status or 500, headers=self.error_headers)


class Server(Protocol):
    """A server for tests; `url` is set when it runs."""

    url: str

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add what it answers."""


S = TypeVar("S", bound=Server)


@asynccontextmanager
async def running(upstream: S) -> AsyncIterator[S]:
    """Run the server on a free port."""
    app = web.Application()
    upstream.add_routes(app.router)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    upstream.url = f"http://{host}:{port}/v1"
    try:
        yield upstream
    finally:
        await runner.cleanup()


def _head(body: dict[str, Any]) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "created": 1, "model": body["model"]}


def _tool_call(body: dict[str, Any]) -> dict[str, Any]:
    name = body["tools"][0]["function"]["name"]
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": '{"city": "Paris", "days": 3}'}}


def with_stub(settings: Settings, upstream: Upstream) -> Settings:
    """Return settings with this server, and prices of its model `stub`."""
    return with_values(
        settings,
        llm_base_url=upstream.url,
        llm_api_key=SecretStr(KEY),
        llm_model="stub",
        llm_prices={"stub": Price(input=3.0, cached=0.3, output=15.0)},
        llm_retries=0,
        llm_timeout_s=5,
    )
