"""One request with its retries, as steps that both the blocking and the asynchronous client can run.

The decision to retry belongs here; sockets and clocks do not.
"""

import logging
import random
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, TypeVar

import httpx

from ml_guard.errors import REQUEST_ID_HEADER, ApiError, ConnectionFailedError

_logger = logging.getLogger("ml_guard")
_random = random.SystemRandom()

_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 30.0
_NOT_PROCESSED = frozenset({429, 503})
_PERHAPS_PROCESSED = frozenset({502, 504})
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True)
class Send:
    """A request to make; `repeatable` if making it twice has the same effect as making it once."""

    method: str
    path: str
    content: bytes | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True

    @property
    def http(self) -> dict[str, Any]:
        """The arguments of `httpx.Client.request`."""
        return {
            "method": self.method,
            "url": self.path,
            "content": self.content,
            "params": self.params,
            "headers": self.headers,
        }


class Wait(NamedTuple):
    """A pause to make before the next step."""

    seconds: float


class Answer(NamedTuple):
    """A successful response, and the request id under which the server logged it."""

    response: httpx.Response
    request_id: str


T = TypeVar("T")
Outcome = httpx.Response | httpx.TransportError | None
Steps = Generator[Send | Wait, Outcome, T]


def exchange(request: Send, *, retries: int) -> Steps[Answer]:
    """Make a request, and retry it if that is safe and may help.

    Raises
    ------
    ApiError
        If the last response is an error.
    ConnectionFailedError
        If the last attempt got no response.
    """
    request_id = uuid.uuid4().hex
    request = Send(**{**vars(request), "headers": {**request.headers, REQUEST_ID_HEADER: request_id}})
    attempt = 0
    while True:
        outcome = yield request
        if isinstance(outcome, httpx.Response) and outcome.is_success:
            return Answer(outcome, outcome.headers.get(REQUEST_ID_HEADER) or request_id)
        wait_s = _wait_s(outcome, attempt, repeatable=request.repeatable) if attempt < retries else None
        attempt += 1
        reason = f"{outcome.status_code}" if isinstance(outcome, httpx.Response) else type(outcome).__name__
        summary = f"{request.method} {request.path}: {reason}, attempt {attempt} (request {request_id})"
        if wait_s is not None:
            _logger.info("%s: retry in %.1f s", summary, wait_s)
            yield Wait(wait_s)
        elif isinstance(outcome, httpx.Response):
            raise ApiError.from_response(outcome, request_id)
        else:
            raise ConnectionFailedError(f"{summary}: {outcome}") from outcome


def _wait_s(outcome: Outcome, attempt: int, *, repeatable: bool) -> float | None:
    # None: a retry cannot help, is not safe, or would keep the caller waiting for too long.
    longest_s = min(_FIRST_WAIT_S * 2.0**attempt, _LONGEST_WAIT_S)
    backoff_s = _random.uniform(longest_s / 2, longest_s)
    if not isinstance(outcome, httpx.Response):
        return backoff_s if repeatable or isinstance(outcome, _NOT_SENT) else None
    if outcome.status_code not in (_NOT_PROCESSED | _PERHAPS_PROCESSED if repeatable else _NOT_PROCESSED):
        return None
    retry_after_s = _retry_after_s(outcome.headers.get("Retry-After", ""))
    if retry_after_s is None:
        return backoff_s
    return None if retry_after_s > _LONGEST_WAIT_S else retry_after_s + _random.uniform(0, _FIRST_WAIT_S)


def _retry_after_s(value: str) -> float | None:
    if value.isdecimal():
        return float(value)
    try:
        instant = parsedate_to_datetime(value)
    except ValueError:
        return None  # missing or malformed
    return max(0.0, (instant.astimezone(timezone.utc) - datetime.now(timezone.utc)).total_seconds())
