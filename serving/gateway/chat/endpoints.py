"""`/v1/chat/completions`, `/v1/embeddings`, `/v1/models`: raw ASGI, because a proxy's time is all overhead.

Answers and errors have the shapes that OpenAI's clients read.
"""

import asyncio
import logging
from typing import Any

import aiohttp

from serving.audit.record import Record
from serving.gateway.chat.schemas import ChatCompletionBody, ChatRequest, EmbeddingsBody, read_body
from serving.gateway.chat.service import ChatService
from serving.gateway.chat.stream import DONE
from serving.gateway.upstreams.reading import BrokenStreamError
from serving.http.body import until_gone
from serving.http.openai_errors import body_of
from serving.http.problems import Problem
from serving.http.raw_request import RawRequest, encode_json
from serving.http.raw_route import Answer, Parameter, RawRoute
from serving.http.routing import ANALYST

_log = logging.getLogger(__name__)
_PROJECT = b"x-ml-guard-project"
_EVENTS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]


def _project(request: RawRequest) -> str | None:
    """The project that a call counts for: named by a header, else the key's own."""
    project_id = request.header(_PROJECT)
    if project_id:
        request.principal.require("analyst", project_id)
    request.record.project_id = project_id or request.principal.project_id
    return request.record.project_id


async def _chat(request: RawRequest) -> None:
    service: ChatService = request.services.chat
    project_id = _project(request)
    chat_request = service.read(await _read_json(request, service))
    if chat_request.stream:
        await _stream(request, service, chat_request, project_id)
        return
    record, about = request.record, (request.route, request.request_id)
    answer = await service.chat(chat_request, request.principal, project_id, record, about)
    await request.send_json(200, answer, _budget_headers(record))


async def _stream(request: RawRequest, service: ChatService, chat_request: ChatRequest, project_id: str | None) -> None:
    record, about, send = request.record, (request.route, request.request_id), request.send
    # Whoever reads no more says so on the receiving side; nothing else comes from there now.
    gone = asyncio.ensure_future(until_gone(request.receive))
    started = False
    try:
        async with service.stream(chat_request, request.principal, project_id, record, about, gone) as pieces:
            async for piece in pieces:
                if not started:
                    started = True
                    headers = [*_EVENTS, *_budget_headers(record)]
                    await send({"type": "http.response.start", "status": 200, "headers": headers})
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
        body = b"data: " + encode_json(body_of(problem)) + b"\n\n"
        await send({"type": "http.response.body", "body": body, "more_body": False})
    finally:
        gone.cancel()


async def _embeddings(request: RawRequest) -> None:
    service: ChatService = request.services.chat
    record, project_id = request.record, _project(request)
    body = await _read_json(request, service)
    about = (request.route, request.request_id)
    answer = await service.embed(body, request.principal, project_id, record, about)
    await request.send_json(200, answer, _budget_headers(record))


async def _models(request: RawRequest) -> None:
    service: ChatService = request.services.chat
    _project(request)
    await request.send_json(200, await service.models())


async def _read_json(request: RawRequest, service: ChatService) -> dict[str, Any]:
    data = await request.body(service.max_body_bytes)
    request.record.request_piece(data)
    return read_body(data)


def _broken(error: BaseException) -> str:
    return (
        "The model's server was silent for too long."
        if isinstance(error, TimeoutError)
        else f"The stream broke: {error}."
    )


def _budget_headers(record: Record) -> list[tuple[bytes, bytes]]:
    """Headers that say which soft budgets a call has passed."""
    passed = record.details.get("soft_budgets")
    return [(b"x-ml-guard-soft-budgets", ",".join(passed).encode())] if passed else []


_PROJECT_PARAMETER = Parameter(
    "X-ML-Guard-Project", "header", str, "Project that the call counts for; the key's own unless given."
)
routes = [
    RawRoute(
        "POST",
        "/v1/chat/completions",
        _chat,
        name="chat_completions",
        tag="llm",
        summary="Chat as OpenAI's API has it, streamed or not.",
        least=ANALYST,
        parameters=[_PROJECT_PARAMETER],
        body={"application/json": ChatCompletionBody},
        answers={200: Answer("As OpenAI answers.", dict[str, Any])},
    ),
    RawRoute(
        "POST",
        "/v1/embeddings",
        _embeddings,
        name="embeddings",
        tag="llm",
        summary="Embed texts as OpenAI's API does.",
        least=ANALYST,
        parameters=[_PROJECT_PARAMETER],
        body={"application/json": EmbeddingsBody},
        answers={200: Answer("As OpenAI answers.", dict[str, Any])},
    ),
    RawRoute(
        "GET",
        "/v1/models",
        _models,
        name="list_models",
        tag="llm",
        summary="List the models of the language models' servers.",
        least=ANALYST,
        answers={200: Answer("Models.", dict[str, Any])},
    ),
]
