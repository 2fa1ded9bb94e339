"""Errors in the format of OpenAI's API: every error below `/v1/` has it, whichever part raises it.

The errors themselves are `serving.http.problems`.
"""

from typing import Any, Final

from serving.http.problems import Problem

PREFIX: Final = "/v1/"
_MALFORMED: Final = 422
_KINDS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    502: "upstream_error",
    503: "service_unavailable_error",
    504: "upstream_timeout",
}
_QUOTA: Final = "budget_exceeded"


def status_of(problem: Problem) -> int:
    """Return the status of a problem: as at OpenAI, 400 for a malformed request."""
    return 400 if problem.status == _MALFORMED else problem.status


def headers_of(problem: Problem) -> dict[str, str]:
    """Return the headers of a problem; the official client would retry an exceeded budget, which is pointless."""
    is_quota = problem.members.get("code") == _QUOTA
    return {**problem.headers, "x-should-retry": "false"} if is_quota else problem.headers


def body_of(problem: Problem) -> dict[str, Any]:
    """Return the body of a problem; the error of an upstream passes through unchanged."""
    members = dict(problem.members)
    upstream_error = members.pop("error", None)
    if isinstance(upstream_error, dict) and upstream_error:
        return {"error": upstream_error}
    code = members.pop("code", None)
    kind = "insufficient_quota" if code == _QUOTA else _KINDS.get(problem.status, "api_error")
    error = {"message": problem.detail, "type": kind, "param": members.pop("param", None), "code": code}
    return {"error": {**error, **members}}
