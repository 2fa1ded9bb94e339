"""The event routes in the OpenAPI document: they are raw, so FastAPI cannot describe them.

A test holds this equal to what the routes accept.
"""

from typing import Any

from serving.http.routing import ANALYST

_SCALAR = {"type": ["number", "string", "boolean", "null"]}
ID = {"type": "string", "minLength": 1, "maxLength": 128}
_EVENT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["project_id", "model_id", "timestamp", "latency_ms", "y_pred", "features"],
    "properties": {
        "project_id": ID,
        "model_id": {**ID, "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"},
        "timestamp": {"type": "string", "format": "date-time", "description": "RFC 3339 with an offset."},
        "latency_ms": {"type": "number", "minimum": 0},
        "y_pred": _SCALAR,
        "features": {"type": "object", "additionalProperties": _SCALAR, "description": "Flat."},
        "y_proba": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        **{
            name: {"type": ["string", "null"], "minLength": 1, "maxLength": 128}
            for name in ("endpoint", "event_id", "request_id", "model_version", "segment")
        },
    },
}
_ROW_ERRORS = {
    "type": "array",
    "description": "The first 100 rejected rows.",
    "items": {
        "type": "object",
        "properties": {"index": {"type": "integer"}, "field": {"type": "string"}, "reason": {"type": "string"}},
    },
}
SUMMARY = {
    "type": "object",
    "required": ["accepted", "duplicates", "rejected", "errors"],
    "properties": {
        "accepted": {"type": "integer"},
        "duplicates": {"type": "integer", "description": "Rows whose event_id was stored before."},
        "rejected": {"type": "integer"},
        "errors": _ROW_ERRORS,
        "errors_not_listed": {"type": "integer", "description": "Rejected rows beyond those listed."},
        "event_ids": {
            "type": "array",
            "items": {"type": ["string", "null"]},
            "description": "Ids by row, where at least one was made here; null for a rejected row.",
        },
    },
}
RECEIPT = {
    "type": "object",
    "required": ["event_id", "status"],
    "properties": {"event_id": {"type": "string"}, "status": {"enum": ["accepted", "duplicate"]}},
}
ENCODING = {
    "name": "Content-Encoding",
    "in": "header",
    "schema": {"enum": ["gzip", "zstd", "identity"]},
    "description": "Of the body.",
}
ATOMIC = {
    "name": "atomic",
    "in": "query",
    "schema": {"type": "boolean", "default": False},
    "description": "true: all rows or none.",
}
_PROBLEMS = {
    "400": "The body cannot be read as what its headers say.",
    "401": "No key, or one that is unknown or revoked.",
    "403": "The key's role or project is not enough.",
    "404": "No such project.",
    "413": "Too many bytes or rows.",
    "415": "Content type or encoding that is not read here.",
    "422": "The payload breaks the contract; `errors` names each field.",
    "503": "Queue full or database away: nothing was acknowledged; send the same again after `Retry-After`.",
}


def openapi_paths() -> dict[str, Any]:
    """Paths of the event routes, for merging into the app's document."""
    lines = {"type": "string", "description": "One event, as JSON, a line."}
    arrow = {
        "type": "string",
        "format": "binary",
        "description": "Columns are the fields of an event; features are a struct or map column `features`, or columns"
        " `features.<name>`. Timestamps are text or have a time zone. Batches inside are not compressed.",
    }
    return {
        "/api/v1/events": {
            "post": operation(
                "events",
                "send_event",
                "Send one event; the answer comes when it is durable.",
                [ENCODING],
                {"application/json": {"schema": _EVENT}},
                {"201": ("Stored.", RECEIPT), "200": ("An event of this id was stored before.", RECEIPT)},
            )
        },
        "/api/v1/events/batch": {
            "post": operation(
                "events",
                "send_events",
                "Send many events (JSON array, NDJSON or Arrow IPC stream), in one transaction; the answer comes when they are durable.",
                [ATOMIC, ENCODING],
                {
                    "application/json": {"schema": {"type": "array", "items": _EVENT}},
                    "application/x-ndjson": {"schema": lines},
                    "application/vnd.apache.arrow.stream": {"schema": arrow},
                },
                {"200": ("What became of the rows.", SUMMARY)},
            )
        },
    }


def operation(
    tag: str,
    name: str,
    summary: str,
    parameters: list[dict[str, Any]],
    content: dict[str, Any],
    answers: dict[str, tuple[str, dict[str, Any]]],
    who: dict[str, str] = ANALYST,
) -> dict[str, Any]:
    """A raw route's operation: its parameters, its body by content type, its answers by status, its least role."""
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "operationId": name,
        "summary": summary,
        "tags": [tag],
        **who,
        "parameters": parameters,
        **({"requestBody": {"required": True, "content": content}} if content else {}),
        "responses": {
            **{
                status: {"description": text, "content": {"application/json": {"schema": schema}}}
                for status, (text, schema) in answers.items()
            },
            **{status: {"description": text, "content": problem} for status, text in _PROBLEMS.items()},
        },
    }
