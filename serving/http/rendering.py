"""Problems as responses: RFC 9457 problem details, or below `/v1/` the format that clients of the route expect."""

import msgspec
from starlette.responses import Response

from serving.http import client_errors
from serving.http.problems import Problem

MEDIA_TYPE = "application/problem+json"


def problem_response(problem: Problem, request_id: str | None, instance: str | None = None) -> Response:
    """Render a problem; the result is an ASGI application.

    Parameters
    ----------
    instance : path of the request, if it is known; decides the format.
    """
    if instance is not None and instance.startswith(client_errors.PREFIX):
        return Response(
            msgspec.json.encode(client_errors.body_of(problem, instance)),
            status_code=client_errors.status_of(problem),
            headers=client_errors.headers_of(problem),
            media_type="application/json",
        )
    body = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance or f"urn:request:{request_id}",
        "request_id": request_id,
        **problem.members,
    }
    return Response(
        msgspec.json.encode(body), status_code=problem.status, headers=problem.headers, media_type=MEDIA_TYPE
    )
