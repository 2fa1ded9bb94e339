"""A server of language models with one key: what it is sent, and its responses that have started."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import aiohttp
import msgspec

from serving.gateway.protocols.chat import CHAT
from serving.gateway.protocols.protocol import Protocol
from serving.gateway.upstreams.breaker import Breaker
from serving.gateway.upstreams.problems import UpstreamProblem
from serving.gateway.upstreams.rate_limits import Cooldowns
from serving.http.problems import Problem

_MALFORMED = frozenset({400, 422})
_USAGE_OPTION = (b"stream_options", b"include_usage")
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True, eq=False)
class Upstream:
    """A server with one of its keys; `model`, if set, replaces the caller's.

    Attributes
    ----------
    protocol : that it speaks.
    max_tokens : of an answer if a request sets no maximum and the protocol requires one.
    accepts_usage_option : whether it may be asked for the usage of a stream; False once it has refused the option.
    accepts_max_tokens : whether translated requests may say `max_tokens`; False once it has asked for
        `max_completion_tokens`, as OpenAI does for its newer models.
    models : that it serves, with `*` for any characters; all if empty.
    weight : its share of the calls of its pool; `credit` is what it is owed of them.
    cooldowns : until when it is left out, as it has asked.
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
    models: tuple[str, ...] = ()
    weight: float = 1.0
    credit: float = 0.0
    cooldowns: Cooldowns = field(default_factory=Cooldowns)

    def serves(self, requested: str) -> bool:
        """Return whether it serves a model that a caller requests."""
        return not self.models or any(fnmatchcase(requested, pattern) for pattern in self.models)

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
    progress_s : `waited_s` when the answer last made progress.
    limit_s : the most seconds of waiting without progress; `timeout_s` once the answer has begun.
    timeout_s : the most seconds without any byte, which the connection itself observes.
    """

    upstream: Upstream
    model: str
    response: aiohttp.ClientResponse
    attempts: int
    waited_s: float
    progress_s: float = 0.0
    limit_s: float = math.inf
    timeout_s: float = math.inf

    async def wait_for(self, read: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the bytes that `read` waits for; add the time to `waited_s`.

        Raises
        ------
        TimeoutError
            If the answer has made no progress for too long. Time in which the caller does not read does not count.
        """
        left_s = self.progress_s + self.limit_s - self.waited_s
        if left_s <= 0:
            raise TimeoutError
        started = time.perf_counter()
        try:
            if left_s >= self.timeout_s or self.limit_s == self.timeout_s:
                return await read()
            async with asyncio.timeout(left_s):  # the limit of the first token is below that of silence
                return await read()
        finally:
            self.waited_s += time.perf_counter() - started

    def record_progress(self) -> None:
        """Take note that something of the answer has arrived, other than a keep-alive."""
        self.progress_s = self.waited_s
        self.limit_s = self.timeout_s


@dataclass(slots=True)
class Attempts:
    """The attempts of a call so far.

    Attributes
    ----------
    upstream : that was called last; None before the first attempt.
    """

    count: int = 0
    upstream: Upstream | None = None
