"""Problems as responses: RFC 9457 problem details, or OpenAI's format below `/v1/`."""

import msgspec
from starlette.responses import Response

from serving.http import openai_errors
from serving.http.problems import Problem

MEDIA_TYPE = "application/problem+json"


def problem_response(problem: Problem, request_id: str | None, instance: str | None = None) -> Response:
    """Render a problem; the result is an ASGI application.

    Parameters
    ----------
    instance : path of the request, if it is known; decides the format.
    """
    if instance is not None and instance.startswith(openai_errors.PREFIX):
        return Response(
            msgspec.json.encode(openai_errors.body_of(problem)),
            status_code=openai_errors.status_of(problem),
            headers=openai_errors.headers_of(problem),
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
