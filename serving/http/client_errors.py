"""Errors in the formats that clients of language models expect: every error below `/v1/` has one, whichever part raises it.

Below `/v1/messages` it is Anthropic's, else OpenAI's. The errors themselves are `serving.http.problems`.
"""

from typing import Any, Final

from serving.http.problems import Problem

PREFIX: Final = "/v1/"
_ANTHROPIC_PREFIX: Final = "/v1/messages"
_MALFORMED: Final = 422
_OPENAI_KINDS: Final = {
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
_ANTHROPIC_KINDS: Final = {
    **dict.fromkeys((400, 405, 415, 422), "invalid_request_error"),
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_OTHER_KIND: Final = "api_error"
_QUOTA: Final = "budget_exceeded"


def status_of(problem: Problem) -> int:
    """Return the status of a problem: as at OpenAI and Anthropic, 400 for a malformed request."""
    return 400 if problem.status == _MALFORMED else problem.status


def headers_of(problem: Problem) -> dict[str, str]:
    """Return the headers of a problem; the official clients would retry an exceeded budget, which is pointless."""
    is_quota = problem.members.get("code") == _QUOTA
    return {**problem.headers, "x-should-retry": "false"} if is_quota else problem.headers


def body_of(problem: Problem, path: str) -> dict[str, Any]:
    """Return the body of a problem of a request to a path below `/v1/`."""
    return anthropic_body(problem) if path.startswith(_ANTHROPIC_PREFIX) else openai_body(problem)


def openai_body(problem: Problem) -> dict[str, Any]:
    """Return the body of a problem for OpenAI's clients; the error of an upstream passes through unchanged."""
    members, upstream_error = _split(problem)
    if upstream_error:
        return {"error": upstream_error}
    code = members.pop("code", None)
    kind = "insufficient_quota" if code == _QUOTA else _OPENAI_KINDS.get(problem.status, _OTHER_KIND)
    error = {"message": problem.detail, "type": kind, "param": members.pop("param", None), "code": code}
    return {"error": {**error, **members}}


def anthropic_body(problem: Problem) -> dict[str, Any]:
    """Return the body of a problem for Anthropic's clients; the words of an upstream's error pass through."""
    members, upstream_error = _split(problem)
    kind = _ANTHROPIC_KINDS.get(problem.status, _OTHER_KIND)
    return {"type": "error", "error": {"type": kind, **(upstream_error or members), "message": problem.detail}}


def _split(problem: Problem) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the members of a problem, and apart from them the error of an upstream; {} if there is none."""
    members = dict(problem.members)
    upstream_error = members.pop("error", None)
    return members, upstream_error if isinstance(upstream_error, dict) else {}
