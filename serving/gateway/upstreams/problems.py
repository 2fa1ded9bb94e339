"""What callers are told where a server of language models does not answer as it should; never the guard's own key."""

from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import msgspec

from serving.http.problems import BadGateway, GatewayTimeout, Problem

OUR_FAULT: Final = frozenset({401, 402, 403, 407})
"""Statuses by which a server refuses the guard, not its caller."""
_ERROR_BYTES = 64 * 1024


class UpstreamProblem(Problem):
    """What an upstream said of the request, in its own words; the caller can mend it."""

    def __init__(self, status: int, body: Mapping[str, Any], retry_after: str | None) -> None:
        message = body.get("message")
        super().__init__(
            message if isinstance(message, str) else f"The model's server answered {status}.",
            headers={} if retry_after is None else {"Retry-After": retry_after},
            error=body,
        )
        self.status = status
        self.body, self.retry_after = body, retry_after


async def problem_of(name: str, response: aiohttp.ClientResponse) -> Problem:
    """The problem that an answer without success is; the connection is closed."""
    try:
        said = await response.content.read(_ERROR_BYTES)
    except (aiohttp.ClientError, TimeoutError, OSError):
        said = b""
    response.close()
    if response.status in OUR_FAULT:
        return BadGateway(f"{name} refuses the guard's own key ({response.status}): see ML_GUARD_LLM_API_KEY.")
    if response.status >= 500 or response.status < 400:
        return BadGateway(f"{name} answered {response.status}.")
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


def unreachable(name: str, error: BaseException) -> Problem:
    """The problem that an answer which does not come is."""
    if isinstance(error, TimeoutError):
        return GatewayTimeout(f"{name} did not answer in time.")
    return BadGateway(f"{name} cannot be reached or breaks off ({type(error).__name__}).")
