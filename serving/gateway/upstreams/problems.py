"""Problem details for callers when a server of language models fails; they never contain the guard's own key."""

from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import msgspec

from serving.http.problems import BadGateway, GatewayTimeout, Problem

KEY_REJECTED: Final = frozenset({401, 402, 403, 407})
"""Statuses with which a server rejects the guard's key, not the caller's request."""
_ERROR_BYTES = 64 * 1024


class UpstreamProblem(Problem):
    """The upstream's own error about the request, which the caller can fix."""

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
    """Return the problem of an unsuccessful response, and close its connection."""
    try:
        data = await response.content.read(_ERROR_BYTES)
    except (aiohttp.ClientError, TimeoutError, OSError):
        data = b""
    response.close()
    if response.status in KEY_REJECTED:
        return BadGateway(f"{name} refuses the guard's own key ({response.status}): see ML_GUARD_LLM_API_KEY.")
    if response.status >= 500 or response.status < 400:
        return BadGateway(f"{name} answered {response.status}.")
    return UpstreamProblem(response.status, _error_of(data), response.headers.get("Retry-After"))


def _error_of(data: bytes) -> Mapping[str, Any]:
    """Return the `error` object of an OpenAI-compatible body; {} if there is none."""
    try:
        body = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return {}
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        return error
    return {"message": error} if isinstance(error, str) else {}


def unreachable_problem(name: str, error: BaseException) -> Problem:
    """Return the problem of a server that does not answer, or breaks off."""
    if isinstance(error, TimeoutError):
        return GatewayTimeout(f"{name} did not answer in time.")
    return BadGateway(f"{name} cannot be reached or breaks off ({type(error).__name__}).")
