"""The errors that a request can end in: classes that carry their status (RFC 9457 problem details).

Rendering them is `serving.http.rendering`; which other exceptions mean which problem is `serving.http.error_handlers`.
"""

from collections.abc import Mapping
from http import HTTPStatus


class Problem(Exception):  # noqa: N818 - the field's word (RFC 9457) is "problem"
    """An answer that is not a success.

    Parameters
    ----------
    detail : one sentence for the caller: what is wrong and what would be right. Never a secret.
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
        """A problem of a status that has no class of its own here."""
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
    """The key is known and may not do this."""

    status = 403


class NotFound(Problem):
    """What is asked for does not exist."""

    status = 404


class RequestTimeout(Problem):
    """The request did not arrive in time; the connection is closed, because the rest of it may still come."""

    status = 408

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Connection": "close"})


class ClientDisconnected(Problem):
    """The client left before its answer; no answer is sent."""

    status = 499
    title = "Client Disconnected"

    def __init__(self) -> None:
        super().__init__("The client has disconnected.")


class Conflict(Problem):
    """The present state does not allow this."""

    status = 409


class TooLarge(Problem):
    """More bytes or rows than the settings allow."""

    status = 413


class UnsupportedMedia(Problem):
    """A content type or encoding that this route does not read."""

    status = 415


class Unprocessable(Problem):
    """A malformed payload; `errors` names each field."""

    status = 422


class Internal(Problem):
    """Our fault: details are in the log, under the request id."""

    status = 500


class BadGateway(Problem):
    """A server that we ask did not answer as it should."""

    status = 502


class GatewayTimeout(Problem):
    """A server that we ask did not answer in time."""

    status = 504


class TooManyRequests(Problem):
    """A rate or a budget is used up; `Retry-After` says until when, where that is known."""

    status = 429


class Unavailable(Problem):
    """Not now; `retry_after_s` says when to try again."""

    status = 503

    def __init__(self, detail: str, *, retry_after_s: int = 1, **members: object) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_s)}, **members)


def unexpected() -> Internal:
    """What a caller learns of an error that nobody foresaw."""
    return Internal("Something went wrong here; the log has the details under the request id.")
