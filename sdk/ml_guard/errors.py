"""Errors of requests. A wrong argument raises TypeError or ValueError instead."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

REQUEST_ID_HEADER = "X-Request-ID"
_STATES = {
    None: "has no events",
    "open": "is not over yet",
    "pending": "waits for the pipelines",
    "failed": "has failed",
}


class MLGuardError(Exception):
    """Base class of all errors of requests: of the server, or of the connection to it."""


class ConnectionFailedError(MLGuardError):
    """No response arrived, after all retries. It is safe to send the same events again, because they have ids."""


class QueueFullError(MLGuardError):
    """The background client's queue has no room; only raised with `raise_errors`."""


class DayNotProcessedError(MLGuardError):
    """A local day was not processed in time; `state` is `open` (not over yet), `pending`, `failed`, or None without rows."""

    def __init__(self, day: str, day_state: Mapping[str, Any]) -> None:
        self.day = day
        self.state = day_state.get("state")
        error = day_state.get("error")
        super().__init__(
            f"{day} is not processed: it {_STATES.get(self.state, self.state)}" + (f": {error}" if error else "")
        )


class ApiError(MLGuardError):
    """The response has an error status: an RFC 9457 problem of the server, or an error of a proxy."""

    def __init__(self, status: int, title: str, detail: str, request_id: str) -> None:
        self.status = status
        self.title = title
        self.detail = detail
        self.request_id = request_id
        super().__init__(f"{status} {title}: {detail} (request {request_id})")

    @classmethod
    def from_response(cls, response: httpx.Response, request_id: str) -> "ApiError":
        """Read the problem from a response; the response of a proxy may have no problem document."""
        try:
            body = response.json()
        except (json.JSONDecodeError, UnicodeDecodeError):
            body = None
        problem = body if isinstance(body, dict) else {}
        title = problem.get("title") or response.reason_phrase or "Unexpected answer"
        detail = problem.get("detail") or response.text[:200].strip() or "the answer says no more"
        server_request_id = response.headers.get(REQUEST_ID_HEADER) or request_id
        return cls(response.status_code, str(title), str(detail), server_request_id)
