"""The errors of requests: classes that carry their status (RFC 9457 problem details).

Rendering them is `serving.http.rendering`; converting other exceptions to them is `serving.http.error_handlers`.
"""

from collections.abc import Mapping
from http import HTTPStatus


class Problem(Exception):  # noqa: N818 - the field's word (RFC 9457) is "problem"
    """An error that a request is answered with.

    Parameters
    ----------
    detail : one sentence for the caller: what is wrong, and how to correct it. Never a secret.
    headers : HTTP headers of the answer.
    members : extension members of the JSON body.
    """

    status: int = 500
    title: str = HTTPStatus(500).phrase
    type: str = "about:blank"

    def __init_subclass__(cls) -> None:
        """Take the title from the status unless the class names its own."""
        if "status" in cls.__dict__ and "title" not in cls.__dict__:
            cls.title = HTTPStatus(cls.status).phrase

    def __init__(self, detail: str, *, headers: Mapping[str, str] | None = None, **members: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    @classmethod
    def of_status(cls, status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> "Problem":
        """Make a problem with a status that has no class of its own."""
        problem = Problem(detail, headers=headers)
        problem.status, problem.title = status, HTTPStatus(status).phrase
        return problem


class BadRequest(Problem):
    """The request as a whole cannot be understood."""

    status = 400


class Unauthorised(Problem):
    """No key, or one that is unknown or revoked."""

    status = 401

    def __init__(self, detail: str, **members: object) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="ml-guard"'}, **members)


class Forbidden(Problem):
    """The caller is authenticated, but is not allowed to do this."""

    status = 403


class NotFound(Problem):
    """The requested resource does not exist."""

    status = 404


class RequestTimeout(Problem):
    """The request did not arrive in time; the connection is closed, because the rest of it may still arrive."""

    status = 408

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Connection": "close"})


class ClientDisconnected(Problem):
    """The client disconnected before its answer; no answer is sent."""

    status = 499
    title = "Client Disconnected"

    def __init__(self) -> None:
        super().__init__("The client has disconnected.")


class Conflict(Problem):
    """The current state does not allow this."""

    status = 409


class TooLarge(Problem):
    """More bytes or rows than the settings allow."""

    status = 413


class UnsupportedMedia(Problem):
    """A content type or encoding that this route does not support."""

    status = 415


class Unprocessable(Problem):
    """A malformed payload; `errors` names each field."""

    status = 422


class Internal(Problem):
    """An unexpected error; its details are in the log, under the request id."""

    status = 500


class BadGateway(Problem):
    """An upstream server returned an error or an invalid response."""

    status = 502


class GatewayTimeout(Problem):
    """The answer, or that of an upstream server, was not ready in time."""

    status = 504


class TooManyRequests(Problem):
    """A rate limit or a budget is exceeded; `Retry-After` is set if the wait is known."""

    status = 429


class Unavailable(Problem):
    """The request cannot be handled now; `retry_after_s` is the wait until the next try."""

    status = 503

    def __init__(self, detail: str, *, retry_after_s: int = 1, **members: object) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_s)}, **members)


def unexpected() -> Internal:
    """Make the problem for an unexpected error, without its details."""
    return Internal("Something went wrong here; the log has the details under the request id.")
