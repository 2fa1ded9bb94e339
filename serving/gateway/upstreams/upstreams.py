"""OpenAI-compatible servers, one after the other: each tried some times, then the next. Where a stream has begun, it is not repeated.

What is sent and what is made of the answer belong to the callers.
"""

import asyncio
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from guard_core.settings import Settings
from serving.gateway.upstreams.breaker import Breaker
from serving.gateway.upstreams.pauses import asked_for_s, pause_s
from serving.gateway.upstreams.problems import OUR_FAULT, UpstreamProblem, problem_of, unreachable
from serving.http import tracing
from serving.http.problems import Problem, Unavailable

_log = logging.getLogger(__name__)
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_SPENT = "insufficient_quota"  # of OpenAI's 429: no wait helps
_OK = 200
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Upstream:
    """A server; `model` replaces the caller's where it is set."""

    name: str
    base_url: str
    model: str | None
    headers: Mapping[str, str] = field(repr=False)
    breaker: Breaker = field(default_factory=Breaker)

    def model_of(self, wanted: str) -> str:
        """The model that is asked for here."""
        return self.model or wanted


@dataclass(slots=True)
class UpstreamResponse:
    """An upstream that has begun to answer, and how often anyone was asked until then."""

    upstream: Upstream
    model: str
    response: aiohttp.ClientResponse
    attempts: int


@dataclass(slots=True)
class _Failed:
    """An attempt without success; `is_callers` where nobody else would answer otherwise."""

    problem: Problem
    again: bool
    is_callers: bool = False
    asked_s: float | None = None


class Upstreams:
    """All servers of the settings, in their order."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._all = _upstreams(settings)
        self._room = asyncio.Semaphore(settings.llm.concurrency)
        self._session: aiohttp.ClientSession | None = None

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._all)

    def __iter__(self) -> "Any":
        """The servers."""
        return iter(self._all)

    async def start(self) -> None:
        """Open the connections' pool."""
        timeout = aiohttp.ClientTimeout(
            total=self._settings.llm.total_s, sock_connect=10, sock_read=self._settings.llm.timeout_s
        )
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        self._session = aiohttp.ClientSession(
            timeout=timeout, connector=connector, auto_decompress=True, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def stop(self) -> None:
        """Close it."""
        if self._session is not None:
            await self._session.close()

    async def enter(self) -> None:
        """Take one of the places of calls at once; `leave` gives it back.

        Raises
        ------
        Unavailable
            Where none becomes free in time.
        """
        if not self._room.locked():
            await self._room.acquire()
            return
        try:
            await asyncio.wait_for(self._room.acquire(), self._settings.llm.timeout_s)
        except TimeoutError:
            raise Unavailable(
                f"{self._settings.llm.concurrency} calls of language models are being made, the most at once.",
                retry_after_s=5,
            ) from None

    def leave(self) -> None:
        """Give a place back."""
        self._room.release()

    async def get(self, path: str) -> Any:
        """What the first server answers to a GET.

        Raises
        ------
        BadGateway, GatewayTimeout, UpstreamProblem
            Where it does not.
        """
        first = self._all[0]
        try:
            async with self._opened.get(
                first.base_url + path, headers=first.headers, allow_redirects=False
            ) as response:
                if response.status != _OK:
                    raise await problem_of(first.name, response)
                return msgspec.json.decode(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError) as error:
            raise unreachable(first.name, error) from error

    async def post(self, path: str, body: Mapping[str, Any]) -> UpstreamResponse:
        """Send a request; returns when a server has begun to answer it with success.

        Raises
        ------
        UpstreamProblem
            Where a server says that the request is wrong, or all have refused it for now.
        BadGateway, GatewayTimeout
            Where no server answers as it should.
        Unavailable
            Where all have failed too often to be asked now.
        """
        problem: Problem | None = None
        attempts = 0
        wanted = str(body.get("model", ""))
        deadline = time.monotonic() + self._settings.llm.total_s
        for upstream in self._all:
            model = upstream.model_of(wanted)
            data = _encode({**body, "model": model})
            for attempt in range(self._settings.llm.retries + 1):
                if not upstream.breaker.allows:
                    break
                attempts += 1
                outcome = await self._attempt(upstream, path, data)
                if isinstance(outcome, aiohttp.ClientResponse):
                    return UpstreamResponse(upstream, model, outcome, attempts)
                problem = outcome.problem
                _log.warning("%s: attempt %d: %s", upstream.name, attempt + 1, problem.status)
                if outcome.is_callers:
                    raise problem
                pause = pause_s(attempt, outcome.asked_s) if outcome.again else None
                last = attempt == self._settings.llm.retries
                if last or pause is None or time.monotonic() + pause > deadline:
                    break
                await asyncio.sleep(pause)
        raise problem or self._all_open()

    async def _attempt(self, upstream: Upstream, path: str, data: bytes) -> "aiohttp.ClientResponse | _Failed":
        try:
            headers = {**upstream.headers, **tracing.headers()}
            response = await self._opened.post(
                upstream.base_url + path, data=data, headers=headers, allow_redirects=False
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            upstream.breaker.failed()
            return _Failed(unreachable(upstream.name, error), again=True)
        if response.status == _OK:
            upstream.breaker.succeeded()
            return response
        problem = await problem_of(upstream.name, response)
        if isinstance(problem, UpstreamProblem):  # it works, whatever it says
            upstream.breaker.succeeded()
        else:
            upstream.breaker.failed()
        spent = isinstance(problem, UpstreamProblem) and problem.body.get("code") == _SPENT
        again = response.status in _AGAIN and not spent
        is_callers = (
            not spent and not again and response.status not in OUR_FAULT and isinstance(problem, UpstreamProblem)
        )
        return _Failed(problem, again=again, is_callers=is_callers, asked_s=asked_for_s(response.headers))

    def _all_open(self) -> Unavailable:
        wait_s = min(upstream.breaker.wait_s for upstream in self._all)
        return Unavailable(
            "No server of language models can be asked now: all have failed too often.",
            retry_after_s=max(1, math.ceil(wait_s)),
        )

    @property
    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the upstreams have not been started")
        return self._session


def _upstreams(settings: Settings) -> Sequence[Upstream]:
    if settings.llm.base_url is None:
        return ()
    first = (settings.llm.base_url, settings.llm.api_key, None)
    rest = [(fallback.base_url, fallback.api_key, fallback.model) for fallback in settings.llm.fallbacks]
    found = []
    for place, (base_url, key, model) in enumerate((first, *rest)):
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key.get_secret_value()}"
            if (urlsplit(base_url).hostname or "").endswith(".azure.com"):
                headers["api-key"] = key.get_secret_value()
        name = urlsplit(base_url).hostname or f"upstream {place}"
        found.append(Upstream(name, base_url.rstrip("/"), model, headers))
    return found
