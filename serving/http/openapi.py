"""The OpenAPI document: FastAPI's own routes, the raw event routes, and the shape of problems."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from serving.assistant.query.openapi import openapi_paths as query_paths
from serving.assistant.query.openapi import openapi_schemas as query_schemas
from serving.gateway.chat.openapi import openapi_paths as chat_paths
from serving.http.routing import GUEST, keyed_router
from serving.ingest.events.openapi import openapi_paths as event_paths
from serving.ingest.labels.openapi import openapi_paths as label_paths
from serving.predict.openapi import openapi_paths as predict_paths

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
    described["paths"].update(event_paths() | label_paths() | predict_paths() | chat_paths() | query_paths())
    components = described.setdefault("components", {})
    components.setdefault("schemas", {}).update(query_schemas(), Problem=_PROBLEM)
    components["securitySchemes"] = _SECURITY_SCHEMES
    described["security"] = [{"key": []}, {"bearer": []}]
    return described
