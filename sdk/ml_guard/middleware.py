"""Recording of the predictions that an ASGI application answers, such as one of FastAPI or Starlette.

Requests and responses pass unchanged, chunk by chunk; what fails in recording is counted by the client.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ml_guard.recording import FeaturesOf, PredictionOf, Recorder, record_prediction

_Message = Any  # mappings, whose type each framework declares in its own way
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_Application = Callable[[Any, _Receive, _Send], Awaitable[None]]


class PredictionMiddleware:
    """ASGI middleware: each successful response of one route is an event, with the latency up to its last byte."""

    def __init__(
        self,
        app: _Application,
        /,
        client: Recorder,
        *,
        path: str,
        project_id: str,
        model_id: str,
        features: FeaturesOf | None = None,
        prediction: PredictionOf | None = None,
        method: str = "POST",
        max_body_bytes: int = 2**20,
        **fields: Any,
    ) -> None:
        """Record the responses of `path`, in which `{name}` stands for one segment.

        `features` maps the request's JSON to features (default: the JSON itself), `prediction` the response's JSON to `y_pred`,
        or a pair of `y_pred` and `y_proba`. Bodies over `max_body_bytes` pass, and are counted as `failed`.
        """
        self._app, self._client, self._method, self._max_bytes = app, client, method, max_body_bytes
        self._path = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
        self._fields = {"project_id": project_id, "model_id": model_id, **fields}
        self._features, self._prediction = features, prediction

    async def __call__(self, scope: Mapping[str, Any], receive: _Receive, send: _Send) -> None:
        """Serve a connection."""
        if scope["type"] != "http" or scope["method"] != self._method or not self._is_recorded(scope):
            await self._app(scope, receive, send)
            return
        started_at = time.perf_counter()
        request, response = _Body("request", self._max_bytes), _Body("response", self._max_bytes)
        status = 0

        async def receive_recorded() -> _Message:
            message = await receive()
            if message["type"] == "http.request":
                request.append(message)
            return message

        async def send_recorded(message: _Message) -> None:
            nonlocal status
            await send(message)
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                response.append(message)
                if response.is_whole and 200 <= status < 300:
                    self._record(request, response, (time.perf_counter() - started_at) * 1000)

        await self._app(scope, receive_recorded, send_recorded)

    def _is_recorded(self, scope: Mapping[str, Any]) -> bool:
        path: str = scope["path"]
        return self._path.fullmatch(path.removeprefix(scope.get("root_path", ""))) is not None

    def _record(self, request: "_Body", response: "_Body", latency_ms: float) -> None:
        def features() -> Mapping[str, Any]:
            body = request.read()
            return body if self._features is None else self._features(body)

        record_prediction(self._client, self._fields, features, response.read, self._prediction, latency_ms)


class _Body:
    """The chunks of one body, up to a number of bytes."""

    def __init__(self, side: str, max_bytes: int) -> None:
        self._side, self._max_bytes, self._content = side, max_bytes, bytearray()
        self._is_too_long = self.is_whole = False

    def append(self, message: Mapping[str, Any]) -> None:
        """Add the chunk of a message."""
        chunk = message.get("body", b"")
        self._is_too_long = self._is_too_long or len(self._content) + len(chunk) > self._max_bytes
        if self._is_too_long:
            self._content.clear()
        else:
            self._content += chunk
        self.is_whole = not message.get("more_body", False)

    def read(self) -> Any:
        """Parse the body as JSON."""
        if self._is_too_long:
            raise ValueError(f"{self._side}: its body is longer than max_body_bytes ({self._max_bytes})")
        if not self.is_whole:
            raise ValueError(f"{self._side}: the application has not read its body")
        try:
            return json.loads(self._content)
        except ValueError as error:
            raise ValueError(f"{self._side}: its body is no JSON ({error}); add compression outside") from None
