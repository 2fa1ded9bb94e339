"""What happens to every request: its id, its access log line, its metrics, its security headers, its last resort.

Pure ASGI and nothing but what each request needs: ingestion runs through here thousands of times a second.
"""

import logging
import os
import re
import time
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guard_store.log import request_id_var
from serving import metrics
from serving.access_log import AccessLog
from serving.errors import problem_response, unexpected

_log = logging.getLogger(__name__)
_DISCONNECTED = 499  # the client went before there was an answer; nothing was sent
_sane_request_id = re.compile(rb"[A-Za-z0-9._:-]{1,128}").fullmatch
_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


class RequestMiddleware:
    """Wraps the app; see the module."""

    def __init__(self, app: ASGIApp, access_log: AccessLog) -> None:
        self._app = app
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at = time.perf_counter()
        request_id, request_id_header = _request_id_of(scope)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        token = request_id_var.set(request_id)
        status = _DISCONNECTED
        started = ended = False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, started, ended
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
                own_headers = message.get("headers", ())
                message["headers"] = [*own_headers, *_SECURITY_HEADERS, (b"x-request-id", request_id_header)]
            elif not message.get("more_body", False):
                ended = True
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            _log.exception("a request failed unexpectedly")
            if started and not ended:
                raise  # half an answer is out: only closing the connection tells the client so
            if not started:
                await problem_response(unexpected(), request_id, scope["path"])(scope, receive, send_with_headers)
        finally:
            self._record(scope, state, request_id, status, time.perf_counter() - started_at)
            request_id_var.reset(token)

    def _record(self, scope: Scope, state: Mapping[str, str], request_id: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path_format", metrics.UNKNOWN_ROUTE)
        metrics.observe(route, scope["method"], status, seconds)
        client = scope.get("client")
        self._access_log.add(
            request_id=request_id,
            method=scope["method"],
            path=scope["path"],
            route=route,
            status=status,
            seconds=seconds,
            client=client[0] if client else None,
            key_id=state.get("key_id"),
        )


def _request_id_of(scope: Scope) -> tuple[str, bytes]:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            if _sane_request_id(value):
                return value.decode(), value
            break
    made = os.urandom(16).hex()
    return made, made.encode()
