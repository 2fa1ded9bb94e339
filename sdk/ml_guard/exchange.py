"""One request with its retries, as steps that a blocking and an asynchronous client both can walk.

When to try again belongs here; sockets and clocks do not.
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
    """A request to make; `repeatable` where making it twice does no more than making it once."""

    method: str
    path: str
    content: bytes | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True

    @property
    def http(self) -> dict[str, Any]:
        """The arguments of httpx's `request`."""
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
    """What came back, and the request id under which the server logged it."""

    response: httpx.Response
    request_id: str


T = TypeVar("T")
Outcome = httpx.Response | httpx.TransportError | None
Steps = Generator[Send | Wait, Outcome, T]


def exchange(request: Send, *, retries: int) -> Steps[Answer]:
    """Make a request, again where that is safe and may help.

    Raises
    ------
    ApiError
        Where the last answer is an error.
    ConnectionFailedError
        Where the last attempt got none.
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
        what = f"{request.method} {request.path}: {reason}, attempt {attempt} (request {request_id})"
        if wait_s is not None:
            _logger.info("%s: again in %.1f s", what, wait_s)
            yield Wait(wait_s)
        elif isinstance(outcome, httpx.Response):
            raise ApiError.from_response(outcome, request_id)
        else:
            raise ConnectionFailedError(f"{what}: {outcome}") from outcome


def _wait_s(outcome: Outcome, attempt: int, *, repeatable: bool) -> float | None:
    # None: trying again cannot help, is not safe, or would have to be later than a caller can be kept waiting.
    longest_s = min(_FIRST_WAIT_S * 2.0**attempt, _LONGEST_WAIT_S)
    backoff_s = _random.uniform(longest_s / 2, longest_s)
    if not isinstance(outcome, httpx.Response):
        return backoff_s if repeatable or isinstance(outcome, _NOT_SENT) else None
    if outcome.status_code not in (_NOT_PROCESSED | _PERHAPS_PROCESSED if repeatable else _NOT_PROCESSED):
        return None
    asked_s = _retry_after_s(outcome.headers.get("Retry-After", ""))
    if asked_s is None:
        return backoff_s
    return None if asked_s > _LONGEST_WAIT_S else asked_s + _random.uniform(0, _FIRST_WAIT_S)


def _retry_after_s(value: str) -> float | None:
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None  # none given, or none that can be read
    return max(0.0, (moment.astimezone(timezone.utc) - datetime.now(timezone.utc)).total_seconds())
