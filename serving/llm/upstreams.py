"""OpenAI-compatible servers, one after the other: each tried some times, then the next. Where a stream has begun, it is not repeated.

What is sent and what is made of the answer belong to the callers.
"""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from guard_store.settings import Settings
from serving import tracing
from serving.errors import BadGateway, GatewayTimeout, Problem, Unavailable
from serving.llm.breaker import Breaker

_log = logging.getLogger(__name__)
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_OUR_FAULT = frozenset({401, 402, 403, 407})
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 8.0
_ERROR_BYTES = 64 * 1024
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


class UpstreamProblem(Problem):
    """What an upstream said of the request, in its own words; the caller can mend it."""

    def __init__(self, status: int, body: Mapping[str, Any], retry_after: str | None) -> None:
        message = body.get("message")
        super().__init__(
            message if isinstance(message, str) else f"The model's server answered {status}.",
            headers={} if retry_after is None else {"Retry-After": retry_after},
        )
        self.status = status
        self.body = body


@dataclass(slots=True)
class Answered:
    """An upstream that has begun to answer, and how often anyone was asked until then."""

    upstream: Upstream
    model: str
    response: aiohttp.ClientResponse
    attempts: int


class Upstreams:
    """All servers of the settings, in their order."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._all = _upstreams(settings)
        self._room = asyncio.Semaphore(settings.llm_concurrency)
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
            total=self._settings.llm_total_s, sock_connect=10, sock_read=self._settings.llm_timeout_s
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
            await asyncio.wait_for(self._room.acquire(), self._settings.llm_timeout_s)
        except TimeoutError:
            raise Unavailable(
                f"{self._settings.llm_concurrency} calls of language models are being made, the most at once.",
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
            async with self._opened.get(first.base_url + path, headers=first.headers) as response:
                if response.status != 200:
                    raise await _problem(first, response)
                return msgspec.json.decode(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError) as error:
            raise _unreachable(first, error) from error

    async def post(self, path: str, body: Mapping[str, Any]) -> Answered:
        """Send a request; returns when a server has begun to answer it with success.

        Raises
        ------
        UpstreamProblem
            Where a server says that the request is wrong, or all have refused it for now.
        BadGateway, GatewayTimeout
            Where no server answers as it should.
        """
        problem: Problem = BadGateway("No server of language models can be asked now: all have failed too often.")
        attempts = 0
        wanted = str(body.get("model", ""))
        for upstream in self._all:
            model = upstream.model_of(wanted)
            data = _encode({**body, "model": model})
            for attempt in range(self._settings.llm_retries + 1):
                if not upstream.breaker.allows:
                    break
                attempts += 1
                try:
                    headers = {**upstream.headers, **tracing.headers()}
                    response = await self._opened.post(upstream.base_url + path, data=data, headers=headers)
                except (aiohttp.ClientError, TimeoutError, OSError) as error:
                    problem = _unreachable(upstream, error)
                    again, after = True, None
                else:
                    if response.status == 200:
                        upstream.breaker.succeeded()
                        return Answered(upstream, model, response, attempts)
                    after = response.headers.get("Retry-After")
                    again = response.status in _AGAIN
                    problem = await _problem(upstream, response)
                    if not again and response.status not in _OUR_FAULT:
                        upstream.breaker.succeeded()
                        raise problem
                upstream.breaker.failed()
                _log.warning("%s: attempt %d: %s", upstream.name, attempt + 1, problem.detail[:200])
                if not again:
                    break
                if attempt < self._settings.llm_retries:
                    await asyncio.sleep(_pause_s(attempt, after))
        raise problem

    @property
    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the upstreams have not been started")
        return self._session


def _upstreams(settings: Settings) -> Sequence[Upstream]:
    if settings.llm_base_url is None:
        return ()
    first = (settings.llm_base_url, settings.llm_api_key, None)
    rest = [(fallback.base_url, fallback.api_key, fallback.model) for fallback in settings.llm_fallbacks]
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


async def _problem(upstream: Upstream, response: aiohttp.ClientResponse) -> Problem:
    try:
        said = await response.content.read(_ERROR_BYTES)
    except (aiohttp.ClientError, TimeoutError, OSError):
        said = b""
    response.close()
    if response.status in _OUR_FAULT:
        return BadGateway(f"{upstream.name} refuses the guard's own key ({response.status}): see ML_GUARD_LLM_API_KEY.")
    if response.status >= 500:
        return BadGateway(f"{upstream.name} answered {response.status}.")
    return UpstreamProblem(response.status, _error_of(said), response.headers.get("Retry-After"))


def _error_of(said: bytes) -> Mapping[str, Any]:
    """The `error` object of an OpenAI-compatible body; {} where it is none."""
    try:
        body = msgspec.json.decode(said)
    except (msgspec.DecodeError, RecursionError):
        return {}
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        return error
    return {"message": error} if isinstance(error, str) else {}


def _unreachable(upstream: Upstream, error: BaseException) -> Problem:
    if isinstance(error, TimeoutError):
        return GatewayTimeout(f"{upstream.name} did not answer in time.")
    return BadGateway(f"{upstream.name} cannot be reached or breaks off ({type(error).__name__}).")


def _pause_s(attempt: int, retry_after: str | None) -> float:
    """Seconds before the next attempt: what the server asks for, else exponential with full jitter."""
    if retry_after is not None and retry_after.isdecimal():
        return min(float(retry_after), _LONGEST_PAUSE_S)
    return random.uniform(0, min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt))  # noqa: S311 - no secret
