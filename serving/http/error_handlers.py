"""Conversion of all errors to problem details: our own, the framework's, and validation errors of payloads.

Logging unexpected errors is `middleware`.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from guard_core.suggestions import find_similar, suggest
from guard_core.validation import reason_of
from guard_store.db.last_known import DATABASE_ERRORS
from guard_store.retraining.registry import RegistryUnavailableError
from serving.audit.entry import AuditEntry
from serving.http.client_errors import PREFIX
from serving.http.problems import Problem, Unavailable, Unprocessable, UnsupportedMedia, unexpected
from serving.http.raw_route import RawRoute

_API_PREFIX = "/api/"
_JSON = "application/json"
_OWN_PREFIX = re.compile(r"^/(?:api/)?(?:v\d+/)?", re.IGNORECASE)
_LEAST_SIMILARITY = 0.8  # of paths: they have long beginnings in common
_log = logging.getLogger(__name__)


async def render(request: Request, error: Exception) -> Response:
    """Render an exception as the request is answered: in JSON, or as a page where the request is for one."""
    problem = _media_problem(request, error) or problem_of(error, _body_type(request))
    if isinstance(error, DATABASE_ERRORS):
        _log.error("the database did not serve a request", exc_info=error)
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.NOT_FOUND:
        problem.detail += _suggest_routes(request)
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        problem.detail = f"This route does not answer {request.method}: send {(error.headers or {})['Allow']}."
    entry: AuditEntry = request.scope["state"]["entry"]
    return entry.render_problem(problem)


def _suggest_routes(request: Request) -> str:
    """Return the routes that may be meant by an unknown path: those it misses by a slash or prefix, else those of the most similar path.

    Below `/v1/` all others there are returned, as clients of language models use few.
    """
    path: str = request.scope["path"]
    routes = list(_iter_api_routes(request))
    meant = _match_path(path, routes)
    if not meant and path.startswith(PREFIX):
        offered = sorted(route for route, template in routes if template.startswith(PREFIX))
        return f" Offered below {PREFIX}: {', '.join(offered)}."
    if not meant:
        templates = {template for _, template in routes if template.startswith(_API_PREFIX)}
        similar = find_similar(path.rstrip("/"), templates, _LEAST_SIMILARITY)
        meant = [route for route, template in routes if template == similar]
    return f" Did you mean {' or '.join(sorted(meant))}?" if meant else ""


def _match_path(path: str, routes: Sequence[tuple[str, str]]) -> list[str]:
    """Return the routes of a path without its last slash, or with the prefix of the API in place of its own."""
    bare = _OWN_PREFIX.sub("/", path.rstrip("/"), count=1)
    for candidate in dict.fromkeys((path.rstrip("/"), f"{_API_PREFIX}v1{bare}", bare)):
        matches = [(route, template) for route, template in routes if compile_path(template)[0].fullmatch(candidate)]
        plain = [route for route, template in matches if template == candidate]
        if matches:
            return plain or [route for route, _ in matches]
    return []


def _iter_api_routes(request: Request) -> Iterator[tuple[str, str]]:
    """Yield each route outside the pages, as method and path, with its path."""
    for route in iter_route_contexts(request.app.routes):
        if getattr(route, "include_in_schema", False) or isinstance(route.original_route, RawRoute):
            for method in (route.methods or set()) - {"HEAD"}:
                yield f"{method} {route.path_format}", str(route.path_format)


def install(app: FastAPI) -> None:
    """Register `render` as the handler of all errors of an app."""
    for kind in (
        Problem,
        RequestValidationError,
        RegistryUnavailableError,
        *DATABASE_ERRORS,
        HTTPException,
        Exception,
    ):
        app.add_exception_handler(kind, render)


def problem_of(error: Exception, body: object = None) -> Problem:
    """Convert any exception to the problem that the request is answered with.

    Parameters
    ----------
    body : the type of the request's body, of whose fields those that are accepted are named in place of an unknown one.
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return unprocessable(cast("Sequence[Mapping[str, Any]]", error.errors()), body)
    if isinstance(error, RegistryUnavailableError):
        return Unavailable(f"{error}.", retry_after_s=5)
    if isinstance(error, DATABASE_ERRORS):
        return Unavailable(
            "The database could not serve this request (the log has the details): see whether it has changed anything, then try again."
        )
    if isinstance(error, HTTPException):
        return _framework_problem(error)
    return unexpected()


def unprocessable(errors: Sequence[Mapping[str, Any]], body: object = None) -> Unprocessable:
    """Convert validation errors of pydantic to a problem that names each field, and never repeats its value; `body` as in `problem_of`."""
    fields = [{"field": _field(error["loc"]), "reason": _reason(error, body)} for error in errors]
    summary = "; ".join(f"{field['field']}: {field['reason']}" for field in fields[:3])
    more = f"; and {len(fields) - 3} more" if len(fields) > 3 else ""
    return Unprocessable(f"{summary}{more}", errors=fields)


def _body_type(request: Request) -> object:
    body = getattr(request.scope.get("route"), "body_field", None)
    return None if body is None else body.field_info.annotation


def _media_problem(request: Request, error: Exception) -> Problem | None:
    """Return the problem of a JSON body that was not read because its Content-Type is another one, as curl sends."""
    if not isinstance(error, RequestValidationError) or ("body",) not in {tuple(e["loc"]) for e in error.errors()}:
        return None
    field = getattr(request.scope.get("route"), "body_field", None)
    kind = request.headers.get("content-type", "")
    media_type = kind.partition(";")[0].strip().lower()
    if (
        getattr(field and field.field_info, "media_type", None) != _JSON
        or media_type == _JSON
        or media_type.endswith("+json")
    ):
        return None
    if not request.headers.get("content-length", "0").strip("0") and "transfer-encoding" not in request.headers:
        return None  # no body at all
    sent = f"Content-Type {kind[:80]!r} is not supported here" if kind else "The body has no Content-Type"
    return UnsupportedMedia(f"{sent}: send the header Content-Type: {_JSON}.")


def _reason(error: Mapping[str, Any], body: object) -> str:
    if error["type"] != "extra_forbidden":
        return reason_of(error)
    *path, name = error["loc"][1:]
    fields = _fields_at(body, path)
    if not fields:
        return reason_of(error)
    return f"is no field here; the fields are {', '.join(fields)}.{suggest(str(name), fields)}"


def _fields_at(kind: object, path: Sequence[str | int]) -> list[str]:
    """Return the fields of the model at a path of a body; empty where the path leads through another type."""
    for part in path:
        is_model = isinstance(kind, type) and issubclass(kind, BaseModel) and part in kind.model_fields
        kind = kind.model_fields[str(part)].annotation if is_model else None  # type: ignore[attr-defined]
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def _field(location: Sequence[str | int]) -> str:
    # The first part is the source of the value (body, path, query); the rest is the name that the caller uses.
    parts = location[1:] if len(location) > 1 and location[0] in {"body", "path", "query", "header"} else location
    # pydantic puts "[key]" after an invalid name of an entry; the name alone is clear.
    return ".".join(str(part) for part in parts if part != "[key]")


def _framework_problem(error: HTTPException) -> Problem:
    phrase = HTTPStatus(error.status_code).phrase
    details = {404: "There is no such route."}
    fallback = error.detail if isinstance(error.detail, str) else phrase
    return Problem.of_status(error.status_code, details.get(error.status_code, fallback), headers=error.headers)
