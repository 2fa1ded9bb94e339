"""The question routes in the OpenAPI document: they are raw, so FastAPI cannot describe them."""

from typing import Any

import msgspec

from serving.assistant.query.schemas import QUESTION_MOST, TOP_K_MOST, QueryAnswer
from serving.http.routing import ANYONE
from serving.ingest.events.openapi import ID, operation

_BODY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["question"],
    "properties": {
        "question": {"type": "string", "minLength": 1, "maxLength": QUESTION_MOST},
        "grounded": {"type": "boolean", "default": True, "description": "Say nothing that no source bears."},
        "stream": {"type": "boolean", "default": False, "description": "Answer with server-sent events."},
        "project_id": {
            **ID,
            "description": "Project that it counts for, and whose policy holds; the key's own if none.",
        },
        "top_k": {"type": "integer", "minimum": 1, "maximum": TOP_K_MOST, "default": 5},
    },
}


def openapi_paths() -> dict[str, Any]:
    """Paths of the question routes, for merging into the app's document."""
    return {path: {"post": _post(name)} for path, name in (("/query", "query"), ("/api/v1/query", "query_v1"))}


def openapi_schemas() -> dict[str, Any]:
    """Schemas that those paths refer to."""
    _, schemas = msgspec.json.schema_components([QueryAnswer], ref_template="#/components/schemas/{name}")
    return schemas


def _post(name: str) -> dict[str, Any]:
    return operation(
        "query",
        name,
        "Answer a question from the knowledge base, with citations that stand in their sources.",
        [],
        {"application/json": {"schema": _BODY}},
        {"200": ("The answer, or that the sources do not give one.", {"$ref": "#/components/schemas/QueryAnswer"})},
        ANYONE,
    )
