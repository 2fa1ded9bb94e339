"""What can go wrong between here and the server. A wrong argument is a TypeError or ValueError instead."""

import json

import httpx

REQUEST_ID_HEADER = "X-Request-ID"


class MLGuardError(Exception):
    """Anything that the server, or the way to it, did."""


class ConnectionFailedError(MLGuardError):
    """No answer came, after all retries. Sending the same events again is safe: they carry their ids."""


class ApiError(MLGuardError):
    """The server refused: an RFC 9457 problem, or whatever else answered with an error status."""

    def __init__(self, status: int, title: str, detail: str, request_id: str) -> None:
        self.status = status
        self.title = title
        self.detail = detail
        self.request_id = request_id
        super().__init__(f"{status} {title}: {detail} (request {request_id})")

    @classmethod
    def from_response(cls, response: httpx.Response, request_id: str) -> "ApiError":
        """Read the problem out of an answer, also where a proxy answered with a page of its own."""
        try:
            body = response.json()
        except (json.JSONDecodeError, UnicodeDecodeError):
            body = None
        problem = body if isinstance(body, dict) else {}
        title = problem.get("title") or response.reason_phrase or "Unexpected answer"
        detail = problem.get("detail") or response.text[:200].strip() or "the answer says no more"
        sent_back = response.headers.get(REQUEST_ID_HEADER) or request_id
        return cls(response.status_code, str(title), str(detail), sent_back)
