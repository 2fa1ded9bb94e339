"""`POST /query`: whole, or as server-sent events; raw ASGI, because a stream must learn at once that nobody reads it.

One service call; what a body may say is `schemas`.
"""

import asyncio
import logging
from contextlib import aclosing
from typing import Any

import aiohttp
from starlette.types import Send

from guard_core.settings import Settings
from serving.assistant.query.schemas import QueryAnswer, QueryRequest, read_request
from serving.assistant.query.service import Asking, QueryService
from serving.auth.principal import HOW_TO_SEND, Principal
from serving.gateway.upstreams.reading import BrokenStreamError
from serving.http.body import until_gone
from serving.http.limits.addresses import is_loopback
from serving.http.problems import Problem, Unauthorised
from serving.http.raw_request import RawRequest, encode_json
from serving.http.raw_route import Answer, RawRoute
from serving.http.routing import ANYONE, MAX_BODY_BYTES

_log = logging.getLogger(__name__)
_EVENTS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]


async def _query(request: RawRequest) -> None:
    principal, services, record = request.principal, request.services, request.record
    _require_caller(principal, services.settings)
    body = await request.body(MAX_BODY_BYTES)
    record.request_piece(body)
    query = read_request(body)
    record.project_id = project_id = _project(query, principal)
    gone = asyncio.ensure_future(until_gone(request.receive))
    asking = Asking(request.route, request.request_id, principal, project_id, record, gone)
    try:
        if query.stream:
            await _stream(services.query, query, asking, request.send)
        else:
            await request.send_json(200, await services.query.answer(query, asking))
    finally:
        gone.cancel()


def _require_caller(principal: Principal, settings: Settings) -> None:
    """Pass whoever has a key, and on this machine alone everybody."""
    if principal.key_id is None and not is_loopback(settings.server.host):
        raise Unauthorised(f"This needs a key: {HOW_TO_SEND}.")


def _project(request: QueryRequest, principal: Principal) -> str | None:
    """The project that a question counts for: the named one, else the key's own."""
    if request.project_id is None:
        return principal.project_id
    principal.require("guest", request.project_id)
    return request.project_id


async def _stream(service: QueryService, request: QueryRequest, asking: Asking, send: Send) -> None:
    started = False
    asking.record.details["stream"] = True
    try:
        async with aclosing(service.events(request, asking)) as events:
            async for name, value in events:
                if asking.gone.done():
                    return
                if not started:
                    started = True
                    await send({"type": "http.response.start", "status": 200, "headers": _EVENTS})
                await send(_event(name, {"text": value} if name == "text" else value))
        if not asking.gone.done():  # who reads that it has ended may know that it is on record
            await send(_event("end", {}, more=False))
    except (Problem, BrokenStreamError, aiohttp.ClientError, TimeoutError, OSError) as error:
        if asking.gone.done():
            return
        problem = error if isinstance(error, Problem) else _broken(error)
        if not started:
            raise problem from error
        _log.warning("a stream broke: %s", error)
        # Too late for a status: the stream says it, and does not say that it has ended well.
        told = {"status": problem.status, "title": problem.title, "detail": problem.detail}
        await send(_event("error", {**told, "request_id": asking.request_id}, more=False))


def _broken(error: BaseException) -> Problem:
    if isinstance(error, TimeoutError):
        return Problem.of_status(504, "The model's server was silent for too long.")
    return Problem.of_status(502, f"The stream broke: {error}.")


def _event(name: str, value: Any, *, more: bool = True) -> dict[str, Any]:
    body = b"event: " + name.encode() + b"\ndata: " + encode_json(value) + b"\n\n"
    return {"type": "http.response.body", "body": body, "more_body": more}


def _route(path: str, name: str) -> RawRoute:
    return RawRoute(
        "POST",
        path,
        _query,
        name=name,
        tag="query",
        summary="Answer a question from the knowledge base, with citations that stand in their sources.",
        least=ANYONE,
        body={"application/json": QueryRequest},
        answers={200: Answer("The answer, or that the sources do not give one.", QueryAnswer)},
    )


routes = [_route("/query", "query"), _route("/api/v1/query", "query_v1")]
