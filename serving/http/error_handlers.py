"""Every error of a request as problem details: ours, the framework's, and a payload that does not fit its schema.

Logging what nobody expected is the middleware's.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from guard_core.validation import reason_of
from guard_store.retraining.registry import RegistryUnavailableError
from serving.http.problems import Problem, Unavailable, Unprocessable, unexpected
from serving.http.rendering import problem_response


async def render(request: Request, error: Exception) -> Response:
    """Render an exception as a problem."""
    problem = _problem_of(error)
    return problem_response(problem, request.scope["state"].get("request_id"), request.scope["path"])


def install(app: FastAPI) -> None:
    """Let `render` answer all errors of an app."""
    for kind in (Problem, RequestValidationError, RegistryUnavailableError, HTTPException, Exception):
        app.add_exception_handler(kind, render)


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return unprocessable(cast("Sequence[Mapping[str, Any]]", error.errors()))
    if isinstance(error, RegistryUnavailableError):
        return Unavailable(f"{error}.", retry_after_s=5)
    if isinstance(error, HTTPException):
        return _framework_problem(error)
    return unexpected()


def unprocessable(errors: Sequence[Mapping[str, Any]]) -> Unprocessable:
    """The problem of pydantic's errors: names each field, never repeats its value."""
    fields = [{"field": _field(error["loc"]), "reason": reason_of(error)} for error in errors]
    summary = "; ".join(f"{field['field']}: {field['reason']}" for field in fields[:3])
    more = f"; and {len(fields) - 3} more" if len(fields) > 3 else ""
    return Unprocessable(f"{summary}{more}", errors=fields)


def _field(location: Sequence[str | int]) -> str:
    # The first part says where the value came from (body, path, query); the caller knows the field by the rest.
    parts = location[1:] if len(location) > 1 and location[0] in {"body", "path", "query", "header"} else location
    # "[key]" follows the wrong name of an entry, which names the place already.
    return ".".join(str(part) for part in parts if part != "[key]")


def _framework_problem(error: HTTPException) -> Problem:
    phrase = HTTPStatus(error.status_code).phrase
    details = {404: "There is no such route.", 405: "This route does not answer that method."}
    fallback = error.detail if isinstance(error.detail, str) else phrase
    return Problem.of_status(error.status_code, details.get(error.status_code, fallback), headers=error.headers)
