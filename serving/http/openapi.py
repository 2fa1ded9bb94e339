"""The OpenAPI document: FastAPI's routes, the operations of the raw routes, and the schema of problems."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from serving.http.raw_route import RawRoute
from serving.http.routing import GUEST, keyed_router

router: APIRouter = keyed_router("health")

_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details; `errors` lists invalid fields.",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}
_SECURITY_SCHEMES = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


@router.get("/openapi.json", openapi_extra=GUEST)
def openapi_document(request: Request) -> JSONResponse:
    """Describe all routes."""
    return JSONResponse(document(request.app))


def document(app: Any) -> dict[str, Any]:
    """Return the OpenAPI document of an app."""
    description: dict[str, Any] = app.openapi()
    components = description.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components["securitySchemes"] = _SECURITY_SCHEMES
    description["security"] = [{"key": []}, {"bearer": []}]
    for route in app.routes:
        if isinstance(route, RawRoute):
            route.describe(description)
    return description
