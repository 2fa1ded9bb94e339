"""Errors as OpenAI's clients read them: under `/v1/` every error has this shape, whoever says it.

What an error is and when it is raised is `serving.http.problems`.
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
    """OpenAI says 400 for what is malformed."""
    return 400 if problem.status == _MALFORMED else problem.status


def headers_of(problem: Problem) -> dict[str, str]:
    """A budget is not there again in a moment: the official client would ask two more times."""
    spent = problem.members.get("code") == _QUOTA
    return {**problem.headers, "x-should-retry": "false"} if spent else problem.headers


def body_of(problem: Problem) -> dict[str, Any]:
    """The object with `error` in it; an upstream's own goes through as it is."""
    members = dict(problem.members)
    own = members.pop("error", None)
    if isinstance(own, dict) and own:
        return {"error": own}
    code = members.pop("code", None)
    kind = "insufficient_quota" if code == _QUOTA else _KINDS.get(problem.status, "api_error")
    told = {"message": problem.detail, "type": kind, "param": members.pop("param", None), "code": code}
    return {"error": {**told, **members}}
