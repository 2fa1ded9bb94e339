"""The OpenAPI document: FastAPI's own routes, the raw routes as they describe themselves, and the shape of problems."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from serving.http.raw_route import RawRoute
from serving.http.routing import GUEST, keyed_router

router: APIRouter = keyed_router("health")

_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details; `errors` is there where fields are wrong.",
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
    """The OpenAPI document of an app."""
    described: dict[str, Any] = app.openapi()
    components = described.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components["securitySchemes"] = _SECURITY_SCHEMES
    described["security"] = [{"key": []}, {"bearer": []}]
    for route in app.routes:
        if isinstance(route, RawRoute):
            route.describe(described)
    return described
