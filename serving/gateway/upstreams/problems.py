"""Problem details for callers when a server of language models fails; they never contain the guard's own key."""

import asyncio
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import msgspec

from serving.gateway.upstreams.decoding import decode_json
from serving.gateway.upstreams.pauses import read_retry_after_s
from serving.gateway.upstreams.rate_limits import read_reset_s
from serving.http.problems import BadGateway, GatewayTimeout, Problem

_KEY_REJECTED: Final = frozenset({401, 402, 403, 407})  # with a 403 some reject the caller's request
_ERROR_BYTES = 64 * 1024
_ERROR_S = 10.0
_about_key = re.compile(
    r"(?i)\b(?:api[ _-]?key|credential|permission|access|forbidden|authori[sz]|authenti|account|billing|credit|balance|subscription"
    r"|plan|organi[sz]ation|project|workspace|region|country|territory|location|quota|ip address|deployment|allowed to)"
).search
_seconds = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s").fullmatch


class KeyRejected(BadGateway):
    """The upstream rejects the guard's key, not the caller's request."""


class UpstreamProblem(Problem):
    """The upstream's own error about the request, which the caller can fix."""

    def __init__(self, status: int, body: Mapping[str, Any], retry_after: str | None) -> None:
        super().__init__(
            read_message(body) or f"The model's server answered {status}.",
            headers={} if retry_after is None else {"Retry-After": retry_after},
            error=body,
        )
        self.status = status
        self.body, self.retry_after = body, retry_after


async def problem_of(name: str, response: aiohttp.ClientResponse) -> Problem:
    """Return the problem of an unsuccessful response, and close its connection."""
    data = bytearray()
    with suppress(aiohttp.ClientError, TimeoutError, OSError):  # the words that arrived before a break still count
        async with asyncio.timeout(_ERROR_S):
            while len(data) < _ERROR_BYTES and (piece := await response.content.read(_ERROR_BYTES - len(data))):
                data += piece
    response.close()
    error = _error_of(bytes(data))
    if response.status in _KEY_REJECTED and not _is_about_request(response, error):
        return KeyRejected(f"{name} {_refusal_of(response)}")
    retry_after = response.headers.get("Retry-After") or _read_retry_delay(error) or _read_reset(response)
    if response.status >= 500 or response.status < 400:
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        return BadGateway(f"{name} answered {response.status}.", headers=headers)
    return UpstreamProblem(response.status, error, retry_after)


def _is_about_request(response: aiohttp.ClientResponse, error: Mapping[str, Any]) -> bool:
    """Return whether the words of a 403 are about the request, as those of a moderation are, and not about the key."""
    words = read_message(error)
    is_json = "json" in response.headers.get("Content-Type", "")
    return response.status == HTTPStatus.FORBIDDEN and is_json and bool(words) and not _about_key(words)


def _refusal_of(response: aiohttp.ClientResponse) -> str:
    if response.status == HTTPStatus.PAYMENT_REQUIRED:
        return "has no credit left for the guard's own key (402): top up its account, or see ML_GUARD_LLM_API_KEY."
    if "html" in response.headers.get("Content-Type", ""):
        return (
            f"refuses the guard's own key, or a firewall before it refuses the guard ({response.status}):"
            " see ML_GUARD_LLM_API_KEY."
        )
    return f"refuses the guard's own key ({response.status}): see ML_GUARD_LLM_API_KEY."


def _error_of(data: bytes) -> Mapping[str, Any]:
    """Return the error of a body as OpenAI's `error` object, with a text as its message; {} if the body is empty."""
    try:
        body: Any = decode_json(data)
    except (ValueError, RecursionError):
        body = data.decode(errors="replace").strip()
    if isinstance(body, list) and len(body) == 1:  # so Gemini wraps its errors
        (body,) = body
    if not isinstance(body, dict):
        return {"message": read_message(body)} if body else {}
    error = body.get("error")
    if not isinstance(error, dict):  # a text with its code beside it, or no envelope at all
        beside = {name: value for name, value in body.items() if name != "error"}
        error = {**beside, "message": error} if error else beside
    return {**error, "message": read_message(error)} if error else {}


def _read_reset(response: aiohttp.ClientResponse) -> str | None:
    """Return the whole seconds to wait by other headers than `Retry-After`: those of a rate limit count where it was exceeded."""
    wait_s = read_retry_after_s(response.headers)
    if wait_s is None and response.status == HTTPStatus.TOO_MANY_REQUESTS:
        wait_s = read_reset_s(response.headers)
    return None if wait_s is None else str(math.ceil(wait_s))


def _read_retry_delay(error: Mapping[str, Any]) -> str | None:
    """Return the whole seconds to wait that an error of Google's asks for, as in `"retryDelay": "18.2s"`; None without."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        delay = _seconds(str(detail.get("retryDelay"))) if isinstance(detail, dict) else None
        if delay is not None:
            return str(math.ceil(float(delay[1])))
    return None


def read_message(error: Any) -> str:
    """Return the words of an error: its message or detail if it has one, else all of it; JSON unless it is a text."""
    words = (error.get("message") or error.get("detail") or error) if isinstance(error, dict) else error
    if not words:
        return ""
    return words if isinstance(words, str) else msgspec.json.encode(words).decode()


def unreachable_problem(name: str, error: BaseException) -> Problem:
    """Return the problem of a server that does not answer, or breaks off."""
    if isinstance(error, TimeoutError):
        return GatewayTimeout(f"{name} did not answer in time.")
    return BadGateway(f"{name} cannot be reached or breaks off ({type(error).__name__}).")
