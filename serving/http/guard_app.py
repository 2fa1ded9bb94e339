"""FastAPI behind our own middleware, with a fast path to the raw routes, which take most of the traffic.

FastAPI's layers would cost a raw route as much as its own work; the responses are the same with and without them. What is read
(GET) is compressed outside of our middleware, so that the ledger has the hash of the body and not of its compression.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from serving.http.access_log import AccessLog
from serving.http.dependencies import Parts
from serving.http.limits.addresses import Proxies
from serving.http.middleware import RequestMiddleware
from serving.http.problems import Problem
from serving.http.rendering import problem_response

_MIN_COMPRESSED_BYTES = 1_024
_COMPRESSION_LEVEL = 5  # 9 takes four times as long for 7 % fewer bytes of drift reports


class GuardApp(FastAPI):
    """The app.

    Parameters
    ----------
    raw_routes : routes without path parameters, dispatched before FastAPI's middleware and router.

    Attributes
    ----------
    parts : what the lifespan has built; an attribute of its own, because Starlette's `state` searches by name for each request.
    """

    parts: Parts

    def __init__(
        self,
        raw_routes: Sequence[Route],
        access_log: AccessLog,
        proxies: Proxies,
        body_timeout_s: float,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        # In the router too, which answers a wrong method with 405.
        self.router.routes.extend(raw_routes)
        self._raw = {(method, route.path): route for route in raw_routes for method in route.methods or ()}
        self._middleware = RequestMiddleware(self._dispatch, access_log, proxies, body_timeout_s)
        self._compressed = GZipMiddleware(self._middleware, _MIN_COMPRESSED_BYTES, _COMPRESSION_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or run the lifespan."""
        handle = self._compressed if scope.get("method") == "GET" else self._middleware
        await handle(scope, receive, send)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._raw.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await super().__call__(scope, receive, send)
            return
        scope["app"], scope["route"] = self, route
        try:
            await route.app(scope, receive, send)
        except Problem as problem:
            await problem_response(problem, scope["state"]["request_id"], scope["path"])(scope, receive, send)
