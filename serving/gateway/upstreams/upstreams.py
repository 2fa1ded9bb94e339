"""Servers of language models in order: each is retried, then the next is tried. A stream that has started is never repeated.

The callers build requests and read responses.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from guard_core.settings import Fallback, Settings
from serving.gateway.protocols.chat import CHAT
from serving.gateway.protocols.protocol import Protocol
from serving.gateway.protocols.registry import PROTOCOLS
from serving.gateway.upstreams.breaker import Breaker
from serving.gateway.upstreams.decoding import decode_json
from serving.gateway.upstreams.pauses import choose_pause_s, read_retry_after_s
from serving.gateway.upstreams.problems import KEY_REJECTED, UpstreamProblem, problem_of, unreachable_problem
from serving.http import tracing
from serving.http.problems import NotFound, Problem, Unavailable

_log = logging.getLogger(__name__)
_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_QUOTA_SPENT = "insufficient_quota"  # code of OpenAI's 429 for an exhausted quota: waiting does not help
_SUCCESS = range(200, 300)
_MALFORMED = frozenset({400, 422})
_MAX_ADAPTATIONS = 2  # of a request that a server refuses for what the gateway has put into it
_USAGE_OPTION = (b"stream_options", b"include_usage")
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Upstream:
    """A server; `model`, if set, replaces the caller's.

    Attributes
    ----------
    protocol : that it speaks.
    max_tokens : of an answer if a request sets no maximum and the protocol requires one.
    accepts_usage_option : whether it may be asked for the usage of a stream; False once it has refused the option.
    accepts_max_tokens : whether translated requests may say `max_tokens`; False once it has asked for
        `max_completion_tokens`, as OpenAI does for its newer models.
    """

    name: str
    base_url: str
    model: str | None
    headers: Mapping[str, str] = field(repr=False)
    breaker: Breaker = field(default_factory=Breaker)
    protocol: Protocol = CHAT
    max_tokens: int = 4096
    accepts_usage_option: bool = True
    accepts_max_tokens: bool = True

    def model_of(self, requested: str) -> str:
        """Return the model to request from this server."""
        return self.model or requested

    def encode(self, body: Mapping[str, Any], protocol: Protocol = CHAT) -> bytes:
        """Encode a request for this server; a stream of chat completions reports its usage only on request.

        Parameters
        ----------
        protocol : of the body.

        Raises
        ------
        Unprocessable
            If a part of it has no counterpart in the server's protocol.
        """
        translated = dict(body)
        if protocol is not self.protocol:
            translated = self.protocol.request_from_chat(protocol.request_to_chat(body), self.max_tokens)
            if not self.accepts_max_tokens and "max_tokens" in translated:
                translated["max_completion_tokens"] = translated.pop("max_tokens")
        translated["model"] = self.model_of(str(body.get("model", "")))
        if self.protocol is CHAT and self.accepts_usage_option and _lacks_usage_option(translated):
            translated["stream_options"] = {**(translated.get("stream_options") or {}), "include_usage": True}
        return _encode(translated)

    def adapt(self, body: Mapping[str, Any], protocol: Protocol, problem: Problem) -> bool:
        """Stop sending what the gateway, not the caller, has put into a request if it was refused for that; return whether it was."""
        if self.protocol is not CHAT or not isinstance(problem, UpstreamProblem) or problem.status not in _MALFORMED:
            return False
        words = _encode(problem.body)
        refuses_option = _lacks_usage_option(body) and any(name in words for name in _USAGE_OPTION)
        refuses_max_tokens = protocol is not CHAT and b"max_completion_tokens" in words
        self.accepts_usage_option = self.accepts_usage_option and not refuses_option
        self.accepts_max_tokens = self.accepts_max_tokens and not refuses_max_tokens
        return refuses_option or refuses_max_tokens


def _lacks_usage_option(body: Mapping[str, Any]) -> bool:
    return bool(body.get("stream")) and not (body.get("stream_options") or {}).get("include_usage")


@dataclass(slots=True)
class UpstreamResponse:
    """A response that has started, and how it came about.

    Attributes
    ----------
    attempts : at all upstreams.
    waited_s : seconds that the request has waited for upstreams so far.
    """

    upstream: Upstream
    model: str
    response: aiohttp.ClientResponse
    attempts: int
    waited_s: float

    async def wait_for(self, reading: Awaitable[bytes]) -> bytes:
        """Return the bytes that `reading` waits for; add the time to `waited_s`."""
        started = time.perf_counter()
        try:
            return await reading
        finally:
            self.waited_s += time.perf_counter() - started


@dataclass(slots=True)
class _Failure:
    """A failed attempt; `is_callers` if the request is at fault, so that every server would reject it."""

    problem: Problem
    retry: bool
    is_callers: bool = False
    retry_after_s: float | None = None


class Upstreams:
    """All configured servers, in order."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._all = _upstreams(settings)
        self._slots = asyncio.Semaphore(settings.llm.concurrency)
        self._session: aiohttp.ClientSession | None = None

    def __bool__(self) -> bool:
        """Return whether there is any server."""
        return bool(self._all)

    def __iter__(self) -> "Any":
        """Iterate over the servers."""
        return iter(self._all)

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
        first = self._all[0]
        try:
            async with self._open_session.get(
                first.base_url + path, headers=first.headers, allow_redirects=False
            ) as response:
                if response.status not in _SUCCESS:
                    raise await problem_of(first.name, response)
                return decode_json(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
            raise unreachable_problem(first.name, error) from error

    async def post(
        self, body: Mapping[str, Any], protocol: Protocol = CHAT, *, path: str | None = None
    ) -> UpstreamResponse:
        """Send a request; return when a server has started a successful response.

        Parameters
        ----------
        protocol : of the body.
        path : of another route, such as `/embeddings`; it is sent as it is, and only to servers of the same protocol.

        Raises
        ------
        Unprocessable
            If a part of the request has no counterpart in a server's protocol.
        NotFound
            If no server speaks the protocol of `path`.
        UpstreamProblem
            If a server rejects the request as wrong, or all reject it for now.
        BadGateway, GatewayTimeout
            If no server answers successfully.
        Unavailable
            If the circuits of all servers are open.
        """
        problem: Problem | None = None
        attempts = 0
        requested = str(body.get("model", ""))
        started = time.perf_counter()
        deadline = started + self._settings.llm.total_s
        servers = [upstream for upstream in self._all if path is None or upstream.protocol is protocol]
        if not servers:
            raise NotFound(f"No server of language models set up here offers {path}.", code="model_not_found")
        for upstream in servers:
            model = upstream.model_of(requested)
            url = upstream.base_url + (path or upstream.protocol.path)
            for attempt in range(self._settings.llm.retries + 1):
                if not upstream.breaker.allows:
                    break
                attempts += 1
                outcome = await self._attempt(upstream, url, upstream.encode(body, protocol))
                for _ in range(_MAX_ADAPTATIONS):
                    if not isinstance(outcome, _Failure) or not upstream.adapt(body, protocol, outcome.problem):
                        break
                    attempts += 1
                    outcome = await self._attempt(upstream, url, upstream.encode(body, protocol))
                if isinstance(outcome, aiohttp.ClientResponse):
                    return UpstreamResponse(upstream, model, outcome, attempts, time.perf_counter() - started)
                problem = outcome.problem
                _log.warning("%s: attempt %d: %s", upstream.name, attempt + 1, problem.status)
                if outcome.is_callers:
                    raise problem
                pause = choose_pause_s(attempt, outcome.retry_after_s) if outcome.retry else None
                last = attempt == self._settings.llm.retries
                if last or pause is None or time.perf_counter() + pause > deadline:
                    break
                await asyncio.sleep(pause)
        raise problem or self._all_open()

    async def _attempt(self, upstream: Upstream, url: str, data: bytes) -> "aiohttp.ClientResponse | _Failure":
        try:
            headers = {**upstream.headers, **tracing.headers()}
            response = await self._open_session.post(url, data=data, headers=headers, allow_redirects=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            upstream.breaker.record_failure()
            return _Failure(unreachable_problem(upstream.name, error), retry=True)
        if response.status in _SUCCESS:
            upstream.breaker.record_success()
            return response
        problem = await problem_of(upstream.name, response)
        if isinstance(problem, UpstreamProblem):  # the server works, even if it rejects this request
            upstream.breaker.record_success()
        else:
            upstream.breaker.record_failure()
        spent = isinstance(problem, UpstreamProblem) and problem.body.get("code") == _QUOTA_SPENT
        retry = response.status in _RETRIED and not spent
        is_callers = (
            not spent and not retry and response.status not in KEY_REJECTED and isinstance(problem, UpstreamProblem)
        )
        retry_after_s = read_retry_after_s(response.headers)
        if retry_after_s is None:
            retry_after_s = read_retry_after_s(problem.headers)
        return _Failure(problem, retry=retry, is_callers=is_callers, retry_after_s=retry_after_s)

    def _all_open(self) -> Unavailable:
        wait_s = min(upstream.breaker.wait_s for upstream in self._all)
        return Unavailable(
            "No server of language models is available now: all have failed too often.",
            retry_after_s=max(1, math.ceil(wait_s)),
        )

    @property
    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the upstreams have not been started")
        return self._session


def _upstreams(settings: Settings) -> Sequence[Upstream]:
    if settings.llm.base_url is None:
        return ()
    first = Fallback(base_url=settings.llm.base_url, api_key=settings.llm.api_key, protocol=settings.llm.protocol)
    upstreams = []
    for place, server in enumerate((first, *settings.llm.fallbacks)):
        host = urlsplit(server.base_url).hostname or ""
        key = None if server.api_key is None else server.api_key.get_secret_value()
        protocol = PROTOCOLS[server.protocol]
        headers = {"Content-Type": "application/json", **protocol.headers(host, key)}
        base_url = server.base_url.rstrip("/")
        upstreams.append(
            Upstream(
                host or f"upstream {place}",
                base_url,
                server.model,
                headers,
                protocol=protocol,
                max_tokens=settings.llm.max_tokens,
            )
        )
    return upstreams
