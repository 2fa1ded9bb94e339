"""`/v1/chat/completions`, `/v1/responses`, `/v1/messages`, `/v1/embeddings`, `/v1/models`: raw ASGI: a proxy adds nothing but overhead.

Only `/v1/models/{model_id}` is a route of FastAPI's: it has a path parameter, and is rarely called.
Responses and errors have the shapes that the clients of each protocol expect.
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path

from serving.audit.context import RequestContext
from serving.auth.security import Caller
from serving.gateway.calls.report import CallReport
from serving.gateway.chat.schemas import (
    ChatCompletionBody,
    EmbeddingsBody,
    MessagesBody,
    ResponseBody,
    TokenCountBody,
    read_body,
)
from serving.gateway.chat.service import ChatService
from serving.gateway.protocols.chat import CHAT
from serving.gateway.protocols.messages.protocol import MESSAGES
from serving.gateway.protocols.protocol import ModelRequest, Protocol, TranslatedProtocol
from serving.gateway.protocols.responses.protocol import RESPONSES
from serving.http.body import wait_for_disconnect
from serving.http.dependencies import EntryDep, part
from serving.http.raw_request import RawRequest
from serving.http.raw_route import Answer, Handler, Parameter, RawRoute
from serving.http.routing import ANALYST, NOT_FOUND, PROBLEMS, KeyedRoute

_PROJECT = b"x-ml-guard-project"
_PROJECT_MEANING = "Project that the call counts for; the key's own unless given."


def _context(request: RawRequest, disconnected: "asyncio.Future[None] | None" = None) -> RequestContext:
    """Return the request's context; its project is the one in the header, else the key's."""
    project_id = request.header(_PROJECT)
    if project_id:
        request.principal.require("analyst", project_id)
    request.entry.project_id = project_id or request.principal.project_id
    return request.context(request.entry.project_id, disconnected)


async def _answer(request: RawRequest, *, protocol: Protocol) -> None:
    """Answer a request of a protocol, whole or as a stream."""
    service = request.part(ChatService)
    context = _context(request)
    model_request = service.read(await _read_json(request, service), protocol)
    if model_request.stream:
        await _stream(request, service, model_request)
        return
    report = CallReport(request.entry, request.received_at)
    body = await service.chat(model_request, context, report)
    await request.send_json(200, body, report.headers())


async def _stream(request: RawRequest, service: ChatService, model_request: ModelRequest) -> None:
    # From here on the receiving side delivers only the disconnect.
    disconnected = asyncio.ensure_future(wait_for_disconnect(request.receive))
    context = _context(request, disconnected)
    report = CallReport(request.entry, request.received_at)
    try:
        async with aclosing(service.stream(model_request, context, report)) as pieces:
            await request.send_stream(pieces, context, report.headers)
    finally:
        disconnected.cancel()


async def _count_tokens(request: RawRequest, *, protocol: TranslatedProtocol) -> None:
    service = request.part(ChatService)
    context = _context(request)
    body = await _read_json(request, service)
    await request.send_json(200, await service.count_tokens(body, protocol, context))


async def _embeddings(request: RawRequest) -> None:
    service = request.part(ChatService)
    context = _context(request)
    report = CallReport(request.entry, request.received_at)
    body = await service.embed(await _read_json(request, service), context, report)
    await request.send_json(200, body, report.headers())


async def _models(request: RawRequest) -> None:
    service = request.part(ChatService)
    _context(request)
    await request.send_json(200, await service.models())


async def _read_json(request: RawRequest, service: ChatService) -> dict[str, Any]:
    data = await request.body(service.max_body_bytes)
    request.entry.add_request(data)
    return read_body(data)


router = APIRouter(prefix="/v1", tags=["gateway"], route_class=KeyedRoute, responses=PROBLEMS)


@router.get("/models/{model_id:path}", openapi_extra=ANALYST, responses=NOT_FOUND)
async def read_model(
    model_id: Annotated[str, Path(description="Id of a model as the server lists it; may contain slashes.")],
    chats: Annotated[ChatService, Depends(part(ChatService))],
    caller: Caller,
    entry: EntryDep,
    project_id: Annotated[str | None, Header(alias="X-ML-Guard-Project", description=_PROJECT_MEANING)] = None,
) -> Mapping[str, Any]:
    """Read one model of the language models' servers, as OpenAI's API has it."""
    if project_id:
        caller.require("analyst", project_id)
    entry.project_id = project_id or caller.project_id
    return await chats.model(model_id)


def _post_route(path: str, handle: Handler, body: type, summary: str, answer: str) -> RawRoute:
    """Return a route for callers of role analyst, whose project may be named in a header."""
    return RawRoute(
        "POST",
        path,
        handle,
        name=path.removeprefix("/v1/").replace("/", "_"),
        tag="gateway",
        summary=summary,
        least=ANALYST,
        parameters=[Parameter("X-ML-Guard-Project", "header", str, _PROJECT_MEANING)],
        body={"application/json": body},
        answers={200: Answer(answer, dict[str, Any])},
    )


routes = [
    _post_route(
        "/v1/chat/completions",
        partial(_answer, protocol=CHAT),
        ChatCompletionBody,
        "Chat as OpenAI's API has it, streamed or not.",
        "As OpenAI answers.",
    ),
    _post_route(
        "/v1/responses",
        partial(_answer, protocol=RESPONSES),
        ResponseBody,
        "Respond as OpenAI's Responses API does, streamed or not.",
        "As OpenAI answers.",
    ),
    _post_route(
        "/v1/responses/input_tokens",
        partial(_count_tokens, protocol=RESPONSES),
        ResponseBody,
        "Count the tokens of an input as OpenAI's API does; an estimate if no server counts them.",
        "The count.",
    ),
    _post_route(
        "/v1/messages",
        partial(_answer, protocol=MESSAGES),
        MessagesBody,
        "Chat as Anthropic's API has it, streamed or not.",
        "As Anthropic answers.",
    ),
    _post_route(
        "/v1/messages/count_tokens",
        partial(_count_tokens, protocol=MESSAGES),
        TokenCountBody,
        "Count the tokens of a prompt as Anthropic's API does; an estimate if no server counts them.",
        "The count.",
    ),
    _post_route(
        "/v1/embeddings", _embeddings, EmbeddingsBody, "Embed texts as OpenAI's API does.", "As OpenAI answers."
    ),
    RawRoute(
        "GET",
        "/v1/models",
        _models,
        name="list_models",
        tag="gateway",
        summary="List the models of the language models' servers.",
        least=ANALYST,
        answers={200: Answer("Models.", dict[str, Any])},
    ),
]
