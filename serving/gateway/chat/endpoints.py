"""`/v1/chat/completions`, `/v1/embeddings`, `/v1/models`: raw ASGI, because a proxy's time is all overhead.

Answers and errors have the shapes that OpenAI's clients read.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgspec
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from serving.audit.record import Record
from serving.auth.principal import Principal
from serving.auth.security import authenticate
from serving.gateway.chat.schemas import read_body
from serving.gateway.chat.service import ChatService
from serving.gateway.chat.stream import DONE
from serving.gateway.upstreams.reading import BrokenStreamError
from serving.http.body import header, until_gone, whole_body
from serving.http.openai_errors import body_of
from serving.http.problems import Problem
from serving.http.raw_answers import request_id

_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
_PROJECT = b"x-ml-guard-project"
_JSON = [(b"content-type", b"application/json")]
_EVENTS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
Handle = Callable[[ChatService, Principal, str | None, Scope, Receive, Send], Awaitable[None]]


class _Route:
    """A route that knows its caller."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal = await authenticate(scope)
        principal.require("analyst")
        record: Record = scope["state"]["record"]
        record.project_id = project_id = _project(scope, principal)
        service: ChatService = scope["app"].state.services.chat
        await self._handle(service, principal, project_id, scope, receive, send)


def _project(scope: Scope, principal: Principal) -> str | None:
    """The project that a call counts for: named by a header, else the key's own."""
    named = header(scope, _PROJECT)
    if not named:
        return principal.project_id
    principal.require("analyst", named)
    return named


async def _chat(
    service: ChatService, principal: Principal, project_id: str | None, scope: Scope, receive: Receive, send: Send
) -> None:
    record: Record = scope["state"]["record"]
    request = service.read(await _json_of(service, scope, receive))
    about = (scope["route"].path, request_id(scope))
    if not request.stream:
        answer = await service.chat(request, principal, project_id, record, about)
        await _send_json(send, answer, record)
        return
    # Whoever reads no more says so on the receiving side; nothing else comes from there now.
    gone = asyncio.ensure_future(until_gone(receive))
    started = False
    try:
        async with service.stream(request, principal, project_id, record, about, gone) as pieces:
            async for piece in pieces:
                if not started:
                    started = True
                    await send({"type": "http.response.start", "status": 200, "headers": [*_EVENTS, *_told(record)]})
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        if not gone.done():  # who reads that it is done may know that it is on record
            await send({"type": "http.response.body", "body": DONE, "more_body": False})
    except (BrokenStreamError, aiohttp.ClientError, TimeoutError, OSError) as error:
        if gone.done():
            return
        problem = Problem.of_status(504 if isinstance(error, TimeoutError) else 502, _broken(error))
        _log.warning("a stream broke: %s", type(error).__name__)
        if not started:
            raise problem from error
        # Too late for a status: the stream says it, and does not say that it is complete.
        body = b"data: " + _encode(body_of(problem)) + b"\n\n"
        await send({"type": "http.response.body", "body": body, "more_body": False})
    finally:
        gone.cancel()


async def _embeddings(
    service: ChatService, principal: Principal, project_id: str | None, scope: Scope, receive: Receive, send: Send
) -> None:
    record: Record = scope["state"]["record"]
    body = await _json_of(service, scope, receive)
    about = (scope["route"].path, request_id(scope))
    await _send_json(send, await service.embed(body, principal, project_id, record, about), record)


async def _models(
    service: ChatService, _principal: Principal, _project_id: str | None, scope: Scope, _receive: Receive, send: Send
) -> None:
    await _send_json(send, await service.models(), scope["state"]["record"])


async def _json_of(service: ChatService, scope: Scope, receive: Receive) -> dict[str, Any]:
    data = await whole_body(scope, receive, service.max_body_bytes)
    record: Record = scope["state"]["record"]
    record.request_piece(data)
    return read_body(data)


def _broken(error: BaseException) -> str:
    return (
        "The model's server was silent for too long."
        if isinstance(error, TimeoutError)
        else f"The stream broke: {error}."
    )


async def _send_json(send: Send, value: Any, record: Record) -> None:
    body = _encode(value)
    headers = [*_JSON, (b"content-length", str(len(body)).encode()), *_told(record)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _told(record: Record) -> list[tuple[bytes, bytes]]:
    """Headers that say which soft budgets a call has passed."""
    passed = record.details.get("soft_budgets")
    return [(b"x-ml-guard-soft-budgets", ",".join(passed).encode())] if passed else []


routes = [
    Route("/v1/chat/completions", _Route(_chat), methods=["POST"], name="chat_completions"),
    Route("/v1/embeddings", _Route(_embeddings), methods=["POST"], name="embeddings"),
    Route("/v1/models", _Route(_models), methods=["GET"], name="list_models"),
]
