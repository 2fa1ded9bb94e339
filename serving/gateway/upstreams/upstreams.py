"""Servers of language models: pools in order, retries, fallbacks. A stream that has started is never repeated.

The callers build requests and read responses.
"""

import asyncio
import logging
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from guard_core.settings import Settings
from serving.gateway.protocols.chat import CHAT
from serving.gateway.protocols.protocol import Protocol
from serving.gateway.upstreams.decoding import decode_json
from serving.gateway.upstreams.pauses import read_retry_after_s
from serving.gateway.upstreams.pools import Pool, PoolCall, build_pools
from serving.gateway.upstreams.problems import KeyRejected, UpstreamProblem, problem_of, unreachable_problem
from serving.gateway.upstreams.rate_limits import read_reset_s
from serving.gateway.upstreams.upstream import Attempts, Upstream, UpstreamResponse
from serving.http import tracing
from serving.http.problems import BadGateway, NotFound, Problem, TooManyRequests, Unavailable

_log = logging.getLogger(__name__)
_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_QUOTA_SPENT = "insufficient_quota"  # code of OpenAI's 429 for an exhausted quota: waiting does not help
_COOLDOWN_S = 60.0  # a key that is rejected or without credit, if another one is free
_SUCCESS = range(200, 300)
_RATE_LIMITED = 429
_MAX_ADAPTATIONS = 2  # of a request that a server refuses for what the gateway has put into it


@dataclass(slots=True)
class _Failure:
    """A failed attempt; `is_client_error` if the request is at fault, so that every server would reject it."""

    problem: Problem
    retry: bool
    is_client_error: bool = False
    retry_after_s: float | None = None


@dataclass(slots=True, frozen=True)
class _Request:
    """A request and its limits, the same for all attempts."""

    body: Mapping[str, Any]
    protocol: Protocol
    path: str | None
    model: str
    attempts: Attempts
    started: float
    first_token_timeout_s: float


class Upstreams:
    """All configured servers, in pools."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pools = build_pools(settings.llm)
        self._slots = asyncio.Semaphore(settings.llm.concurrency)
        self._session: aiohttp.ClientSession | None = None

    def __bool__(self) -> bool:
        """Return whether there is any server."""
        return bool(self._pools)

    def __iter__(self) -> Iterator[Upstream]:
        """Iterate over the servers, with each of their keys."""
        return (upstream for pool in self._pools for upstream in pool)

    def serving(self, model: str) -> list[Upstream]:
        """Return the servers that serve a model that a caller requests, in order."""
        return [upstream for upstream in self if upstream.serves(model)]

    async def start(self) -> None:
        """Open the connection pool."""
        timeout = aiohttp.ClientTimeout(
            total=self._settings.llm.total_s, sock_connect=10, sock_read=self._settings.llm.timeout_s
        )
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        self._session = aiohttp.ClientSession(
            timeout=timeout, connector=connector, auto_decompress=True, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def stop(self) -> None:
        """Close the connection pool."""
        if self._session is not None:
            await self._session.close()

    async def enter(self) -> None:
        """Take one of the slots for concurrent calls; `leave` releases it.

        Raises
        ------
        Unavailable
            If none becomes free in time.
        """
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            await asyncio.wait_for(self._slots.acquire(), self._settings.llm.timeout_s)
        except TimeoutError:
            raise Unavailable(
                f"{self._settings.llm.concurrency} calls of language models are in progress, the maximum.",
                retry_after_s=5,
            ) from None

    def leave(self) -> None:
        """Release a slot."""
        self._slots.release()

    async def get(self, path: str) -> Any:
        """Send a GET to the first server and return the JSON of its response.

        Raises
        ------
        BadGateway, GatewayTimeout, UpstreamProblem
            If the server does not answer with success and JSON.
        """
        return await self._get(next(iter(self)), path)

    async def list_models(self) -> list[dict[str, Any]]:
        """Return the models that servers of the first pool, and fallbacks that name theirs, list and serve.

        Raises
        ------
        BadGateway, GatewayTimeout, UpstreamProblem
            If none lists its models.
        """
        servers = {next(iter(self)).base_url: next(iter(self))}
        for upstream in self:
            if upstream.model is None and (upstream in self._pools[0] or upstream.models):
                servers.setdefault(upstream.base_url, upstream)
        answers = await asyncio.gather(
            *(self._list_models(server) for server in servers.values()), return_exceptions=True
        )
        lists = [answer for answer in answers if not isinstance(answer, BaseException)]
        for error in answers:
            if isinstance(error, BaseException) and not (lists and isinstance(error, Problem)):
                raise error
        return list({model.get("id"): model for models in reversed(lists) for model in models}.values())

    async def _list_models(self, upstream: Upstream) -> list[dict[str, Any]]:
        answer = await self._get(upstream, "/models")
        models = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(models, list):
            raise BadGateway("The server of language models does not list its models.")
        return [model for model in models if isinstance(model, dict) and upstream.serves(str(model.get("id")))]

    async def post(
        self,
        body: Mapping[str, Any],
        protocol: Protocol = CHAT,
        *,
        path: str | None = None,
        attempts: Attempts | None = None,
    ) -> UpstreamResponse:
        """Send a request; return when a server has started a successful response.

        Parameters
        ----------
        protocol : of the body.
        path : of another route, such as `/embeddings`; it is sent as it is, and only to servers of the same protocol.
        attempts : kept up to date, for callers that may be cancelled.

        Raises
        ------
        Unprocessable
            If a part of the request has no counterpart in a server's protocol.
        NotFound
            If no server serves the model, or speaks the protocol of `path`.
        UpstreamProblem
            If a server rejects the request as wrong, or all reject it for now.
        BadGateway, GatewayTimeout
            If no server answers successfully.
        TooManyRequests, Unavailable
            If all servers are at their rate limits, or the circuits of all are open.
        """
        model = str(body.get("model", ""))
        first_token_timeout_s = self._settings.llm.first_token_timeout_s(stream=bool(body.get("stream")))
        request = _Request(body, protocol, path, model, attempts or Attempts(), time.monotonic(), first_token_timeout_s)
        pools = self._pools_for(request)
        problem: Problem | None = None
        for pool in pools:
            outcome = await self._call_pool(pool, request)
            if isinstance(outcome, UpstreamResponse):
                return outcome
            problem = outcome or problem
        raise problem or _unavailable(pools, model)

    def _pools_for(self, request: _Request) -> list[Pool]:
        """Return the members of each pool that can answer a request; raises `NotFound` if there is none."""
        path, model = request.path, request.model
        pools = [
            tuple(upstream for upstream in pool if path is None or upstream.protocol is request.protocol)
            for pool in self._pools
        ]
        if not any(pools):
            raise NotFound(f"No server of language models set up here offers {path}.", code="model_not_found")
        pools = [served for pool in pools if (served := tuple(upstream for upstream in pool if upstream.serves(model)))]
        if not pools:
            raise NotFound(
                f"No server of language models set up here serves the model {model!r}; GET /v1/models lists those that"
                " they do.",
                code="model_not_found",
            )
        return pools

    async def _call_pool(self, pool: Pool, request: _Request) -> UpstreamResponse | Problem | None:
        """Call members of a pool until one answers; return the last problem if none does, None if none was called.

        Raises
        ------
        Problem
            If the request is at fault.
        """
        call = PoolCall(pool, request.model, self._settings.llm.retries, request.started + self._settings.llm.total_s)
        problem: Problem | None = None
        while (member := await call.next_member()) is not None:
            started = time.monotonic()
            outcome = await self._attempt_adapted(member, request)
            if isinstance(outcome, aiohttp.ClientResponse):
                return UpstreamResponse(
                    member,
                    member.model_of(request.model),
                    outcome,
                    request.attempts.count,
                    waited_s=time.monotonic() - request.started,
                    progress_s=started - request.started,
                    limit_s=request.first_token_timeout_s,
                    timeout_s=self._settings.llm.timeout_s,
                )
            problem = outcome.problem
            _log.warning("%s: attempt %d: %s", member.name, request.attempts.count, problem.status)
            if outcome.is_client_error:
                raise problem
            call.record_failure(member, retry=outcome.retry, retry_after_s=outcome.retry_after_s)
        return problem

    async def _attempt_adapted(self, upstream: Upstream, request: _Request) -> "aiohttp.ClientResponse | _Failure":
        """Send a request; send it again without what the gateway has put into it, if it was refused for that."""
        request.attempts.upstream = upstream
        for adaptation in range(_MAX_ADAPTATIONS + 1):
            request.attempts.count += 1
            outcome = await self._attempt(upstream, request)
            if (
                adaptation == _MAX_ADAPTATIONS
                or isinstance(outcome, aiohttp.ClientResponse)
                or not upstream.adapt(request.body, request.protocol, outcome.problem)
            ):
                break
        return outcome

    async def _attempt(self, upstream: Upstream, request: _Request) -> "aiohttp.ClientResponse | _Failure":
        url = upstream.base_url + (request.path or upstream.protocol.path)
        data = upstream.encode(request.body, request.protocol)
        headers = {**upstream.headers, **tracing.headers()}
        try:
            async with asyncio.timeout(request.first_token_timeout_s):
                response = await self._open_session.post(url, data=data, headers=headers, allow_redirects=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            upstream.breaker.record_failure()
            return _Failure(unreachable_problem(upstream.name, error), retry=True)
        model = upstream.model_of(request.model)
        if response.status in _SUCCESS:
            upstream.breaker.record_success()
            reset_s = read_reset_s(response.headers)
            if reset_s is not None:
                upstream.cooldowns.record(model, reset_s, None)
            return response
        problem = await problem_of(upstream.name, response)
        if isinstance(problem, UpstreamProblem):  # the server works, even if it rejects this request
            upstream.breaker.record_success()
        else:
            upstream.breaker.record_failure()
        return _judge(upstream, model, response, problem)

    async def _get(self, upstream: Upstream, path: str) -> Any:
        try:
            async with (
                asyncio.timeout(self._settings.llm.timeout_s),
                self._open_session.get(
                    upstream.base_url + path, headers=upstream.headers, allow_redirects=False
                ) as response,
            ):
                if response.status not in _SUCCESS:
                    raise await problem_of(upstream.name, response)
                return decode_json(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
            raise unreachable_problem(upstream.name, error) from error

    @property
    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the upstreams have not been started")
        return self._session


def _judge(upstream: Upstream, model: str, response: aiohttp.ClientResponse, problem: Problem) -> _Failure:
    """Return the failure that an unsuccessful response means; the member is left out for as long as it asks."""
    spent = isinstance(problem, UpstreamProblem) and problem.body.get("code") == _QUOTA_SPENT
    retry = response.status in _RETRIED and not spent
    is_client_error = not spent and not retry and isinstance(problem, UpstreamProblem)
    retry_after_s = read_retry_after_s(response.headers)
    if retry_after_s is None:
        retry_after_s = read_retry_after_s(problem.headers)
    if retry and retry_after_s is not None:
        upstream.cooldowns.record(model, retry_after_s, response.status)
    elif spent or isinstance(problem, KeyRejected):
        upstream.cooldowns.record(model, _COOLDOWN_S, None)
    return _Failure(problem, retry=retry, is_client_error=is_client_error, retry_after_s=retry_after_s)


def _unavailable(pools: list[Pool], model: str) -> Problem:
    """Return the problem of a call that no server could be asked for, with the wait until one is free."""
    waits = []
    for upstream in (upstream for pool in pools for upstream in pool):
        cooldown_s = upstream.cooldowns.wait_s(upstream.model_of(model))
        waits.append((max(cooldown_s, upstream.breaker.wait_s), upstream))
    wait_s, first = min(waits, key=lambda pair: pair[0])
    retry_after_s = max(1, math.ceil(wait_s))
    status = first.cooldowns.status(first.model_of(model))
    if status is None or first.breaker.wait_s:
        detail = "No server of language models is available now: all have failed too often."
        return Unavailable(detail, retry_after_s=retry_after_s)
    detail = f"All servers of the model {model!r} have asked to be left alone; the first is free in {retry_after_s} s."
    if status == _RATE_LIMITED:
        return TooManyRequests(detail, headers={"Retry-After": str(retry_after_s)}, code="rate_limit_exceeded")
    return Unavailable(detail, retry_after_s=retry_after_s)
