"""The middleware of every request: its id, ledger entry, access log line, metrics and security headers.

Pure ASGI, and as little as possible: ingestion passes through here thousands of times a second.
"""

import logging
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guard_core.ids import new_id
from guard_core.logging import request_id_var
from serving.audit.entry import DISCONNECTED, AuditEntry
from serving.audit.exempt import EXEMPT
from serving.audit.service import AuditService
from serving.http import metrics, tracing
from serving.http.access_log import AccessLog
from serving.http.dependencies import part_of
from serving.http.error_handlers import problem_of
from serving.http.limits.addresses import Proxies
from serving.http.limits.body import TimedReceive
from serving.http.problems import Problem
from serving.http.rendering import problem_response

_log = logging.getLogger(__name__)
_sane_request_id = re.compile(rb"[A-Za-z0-9._:-]{1,128}").fullmatch
SECURITY_HEADERS = "security_headers"
"""Key of the request's state under which a route puts security headers of its own, in place of `DEFAULT_SECURITY_HEADERS`."""
DEFAULT_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_OVER_TLS = (b"strict-transport-security", b"max-age=31536000")


class RequestMiddleware:
    """Adds to every request of the app what the module describes."""

    def __init__(self, app: ASGIApp, access_log: AccessLog, proxies: Proxies, body_timeout_s: float) -> None:
        self._app = app
        self._access_log = access_log
        self._proxies = proxies
        self._body_timeout_s = body_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received_at = time.perf_counter()
        if self._proxies:
            self._proxies.apply(scope)
        request_id, request_id_header = _request_id_of(scope)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        state["received_at"] = received_at
        state["entry"] = AuditEntry(scope)
        token = request_id_var.set(request_id)
        span = tracing.start_request_span(scope)
        answer = _Answer(scope, send, request_id, request_id_header)
        try:
            await self._app(scope, TimedReceive(receive, self._body_timeout_s), answer.send)
        except Exception as error:
            _log.exception("a request failed unexpectedly")
            if answer.started and not answer.ended:
                raise  # part of the answer has been sent: only closing the connection shows that it is incomplete
            if not answer.started:
                await answer.send_problem(problem_of(error))
        finally:
            await answer.close()
            self._report(scope, state, request_id, answer.status, time.perf_counter() - received_at)
            if span is not None:
                span.end(scope, _route_of(scope), answer.status, request_id)
            request_id_var.reset(token)
            del state["entry"]  # it refers to the scope: the cycle would wait for the garbage collector

    def _report(self, scope: Scope, state: Mapping[str, Any], request_id: str, status: int, seconds: float) -> None:
        route = _route_of(scope)
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


class _Answer:
    """The answer to a request; its last byte is sent only when the ledger entry is durable."""

    def __init__(self, scope: Scope, send: Send, request_id: str, request_id_header: bytes) -> None:
        self._scope = scope
        self._send = send
        self._request_id = request_id
        self._request_id_header = request_id_header
        self._entry: AuditEntry = scope["state"]["entry"]
        self._start_message: Message | None = None
        self.status = DISCONNECTED
        self.started = self.ended = False
        self._commit_failed = False  # the commit is not tried again while the answer reports its failure

    async def send(self, message: Message) -> None:
        """Send one message of the app."""
        if message["type"] == "http.response.start":
            message["headers"] = [
                *message.get("headers", ()),
                *self._scope["state"].get(SECURITY_HEADERS, DEFAULT_SECURITY_HEADERS),
                (b"x-request-id", self._request_id_header),
            ]
            if self._scope.get("scheme") == "https":
                message["headers"].append(_OVER_TLS)
            self.status = message["status"]
            self._start_message = message  # sent with the first piece of the body: until then an error can replace it
            return
        if not self._entry.committed:
            self._entry.add_response(message.get("body", b""))
        last = not message.get("more_body", False)
        if last:
            try:
                await self._commit()
            except Problem as problem:
                if self.started:
                    raise
                self._commit_failed = True
                await self._send_response(self._entry.render_problem(problem))
                return
        if self._start_message is not None:
            self.started = True
            self._entry.status = self.status
            start, self._start_message = self._start_message, None
            await self._send(start)
        self.ended = last
        await self._send(message)

    async def send_problem(self, problem: Problem) -> None:
        """Send an error as JSON, whatever the request is for; nothing may have been sent before."""
        await self._send_response(problem_response(problem, self._request_id, self._scope["path"]))

    async def _send_response(self, response: Response) -> None:
        """Send a response in place of one that has not begun."""
        self._start_message = None
        await response(self._scope, _receive_disconnect, self.send)

    async def close(self) -> None:
        """Commit the entry if `send` has not, as when the client disconnects before the end of the answer."""
        if not self.ended:
            self._entry.details["aborted"] = True
        self._commit_failed = False
        try:
            await self._commit()
        except Problem:
            _log.exception("the entry of a request without an answer could not be committed")

    async def _commit(self) -> None:
        """Commit the entry, unless the handler has committed it in the transaction of its own work."""
        if (self._entry.committed and self._entry.settlement is None) or self._commit_failed:
            return
        # 503 means that nothing was done; and the unavailable part may be the ledger itself.
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE and self._entry.settlement is None:
            return
        if self._entry.route is None or self._entry.route in EXEMPT:
            return
        self._entry.status = self.status
        await part_of(self._scope, AuditService).commit(self._entry)


def _route_of(scope: Scope) -> str:
    route: str = getattr(scope.get("route"), "path_format", metrics.UNKNOWN_ROUTE)
    return route


async def _receive_disconnect() -> Message:
    return {"type": "http.disconnect"}


def _request_id_of(scope: Scope) -> tuple[str, bytes]:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            if _sane_request_id(value):
                return value.decode(), value
            break
    request_id = new_id()
    return request_id, request_id.encode()
