"""The blocking and the asynchronous client: they run the steps of `Operations` over HTTP.

Only transport and waiting belong here; requests, retries and results belong in `operations` and `exchange`.
"""

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import httpx

from ml_guard.exchange import Outcome, Steps, Wait
from ml_guard.operations import Operations

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11 on

P = ParamSpec("P")
T = TypeVar("T")
_Operation = Callable[Concatenate[Operations, P], Steps[T]]


def _blocking(operation: _Operation[P, T]) -> Callable[Concatenate["MLGuardClient", P], T]:
    @functools.wraps(operation)
    def method(self: "MLGuardClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(operation(self._operations, *args, **kwargs))

    return method


def _awaitable(operation: _Operation[P, T]) -> Callable[Concatenate["AsyncMLGuardClient", P], Coroutine[Any, Any, T]]:
    @functools.wraps(operation)
    async def method(self: "AsyncMLGuardClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(operation(self._operations, *args, **kwargs))

    return method


class MLGuardClient:
    """Client of the API: send events and labels, read results. Threads can share it; use it as a context manager, or close it."""

    def __init__(self, base_url: str, api_key: str | None = None, *, timeout_s: float = 30.0, retries: int = 5) -> None:
        """Connect to the server at `base_url`; a request with a temporary failure is retried up to `retries` times."""
        self._operations = Operations(retries)
        self._http = httpx.Client(**_http_options(base_url, api_key, timeout_s))

    ingest_event = _blocking(Operations.ingest_event)
    ingest_events = _blocking(Operations.ingest_events)
    ingest_frame = _blocking(Operations.ingest_frame)
    send_labels = _blocking(Operations.send_labels)
    predict = _blocking(Operations.predict)
    predict_many = _blocking(Operations.predict_many)
    query = _blocking(Operations.query)
    research = _blocking(Operations.research)
    force_retraining = _blocking(Operations.force_retraining)
    flags = _blocking(Operations.flags)
    versions = _blocking(Operations.versions)
    create_project = _blocking(Operations.create_project)
    ensure_project = _blocking(Operations.ensure_project)
    wait_until_processed = _blocking(Operations.wait_until_processed)
    get_project = _blocking(Operations.get_project)
    capture_baseline = _blocking(Operations.capture_baseline)
    baselines = _blocking(Operations.baselines)
    metrics = _blocking(Operations.metrics)
    drift = _blocking(Operations.drift)
    performance = _blocking(Operations.performance)
    days = _blocking(Operations.days)
    costs = _blocking(Operations.costs)
    unit_costs = _blocking(Operations.unit_costs)
    cost_forecast = _blocking(Operations.cost_forecast)
    pull_costs = _blocking(Operations.pull_costs)
    alerts = _blocking(Operations.alerts)
    alert = _blocking(Operations.alert)
    acknowledge_alert = _blocking(Operations.acknowledge_alert)
    request = _blocking(Operations.request)
    rows = _blocking(Operations.rows)
    health = _blocking(Operations.health)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._http.base_url!r})"

    def _pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def _run(self, steps: Steps[T]) -> T:
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as stop:
                result: T = stop.value
                return result
            if isinstance(step, Wait):
                self._pause(step.seconds)
                outcome = None
                continue
            try:
                outcome = self._http.request(**step.http)
            except httpx.TransportError as error:
                outcome = error


class AsyncMLGuardClient:
    """`MLGuardClient` for asyncio, with the same methods as coroutines; use `async with`, or `await client.aclose()`."""

    def __init__(self, base_url: str, api_key: str | None = None, *, timeout_s: float = 30.0, retries: int = 5) -> None:
        """Connect to the server at `base_url`; a request with a temporary failure is retried up to `retries` times."""
        self._operations = Operations(retries)
        self._http = httpx.AsyncClient(**_http_options(base_url, api_key, timeout_s))

    ingest_event = _awaitable(Operations.ingest_event)
    ingest_events = _awaitable(Operations.ingest_events)
    ingest_frame = _awaitable(Operations.ingest_frame)
    send_labels = _awaitable(Operations.send_labels)
    predict = _awaitable(Operations.predict)
    predict_many = _awaitable(Operations.predict_many)
    query = _awaitable(Operations.query)
    research = _awaitable(Operations.research)
    force_retraining = _awaitable(Operations.force_retraining)
    flags = _awaitable(Operations.flags)
    versions = _awaitable(Operations.versions)
    create_project = _awaitable(Operations.create_project)
    ensure_project = _awaitable(Operations.ensure_project)
    wait_until_processed = _awaitable(Operations.wait_until_processed)
    get_project = _awaitable(Operations.get_project)
    capture_baseline = _awaitable(Operations.capture_baseline)
    baselines = _awaitable(Operations.baselines)
    metrics = _awaitable(Operations.metrics)
    drift = _awaitable(Operations.drift)
    performance = _awaitable(Operations.performance)
    days = _awaitable(Operations.days)
    costs = _awaitable(Operations.costs)
    unit_costs = _awaitable(Operations.unit_costs)
    cost_forecast = _awaitable(Operations.cost_forecast)
    pull_costs = _awaitable(Operations.pull_costs)
    alerts = _awaitable(Operations.alerts)
    alert = _awaitable(Operations.alert)
    acknowledge_alert = _awaitable(Operations.acknowledge_alert)
    request = _awaitable(Operations.request)
    rows = _awaitable(Operations.rows)
    health = _awaitable(Operations.health)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> "Self":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._http.base_url!r})"

    async def _run(self, steps: Steps[T]) -> T:
        outcome: Outcome = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as stop:
                result: T = stop.value
                return result
            if isinstance(step, Wait):
                await asyncio.sleep(step.seconds)
                outcome = None
                continue
            try:
                outcome = await self._http.request(**step.http)
            except httpx.TransportError as error:
                outcome = error


def _http_options(base_url: str, api_key: str | None, timeout_s: float) -> dict[str, Any]:
    url = httpx.URL(base_url)
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("base_url: must look like http://host:port")
    if api_key is not None and not (api_key and api_key.isascii() and api_key.isprintable()):
        raise ValueError("api_key: must be printable ASCII")  # an error message must not contain the key
    return {"base_url": url, "timeout": timeout_s, "headers": {"X-API-Key": api_key} if api_key else {}}
