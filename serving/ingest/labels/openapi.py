"""The label route in the OpenAPI document: it is raw, so FastAPI cannot describe it."""

from typing import Any

from serving.ingest.events.openapi import ATOMIC, ENCODING, ID, RECEIPT, SUMMARY, operation

_LABEL = {
    "type": "object",
    "additionalProperties": False,
    "required": ["project_id", "event_id", "y_true", "observed_at"],
    "properties": {
        "project_id": ID,
        "event_id": ID,
        "y_true": {"type": ["number", "string", "boolean"]},
        "observed_at": {"type": "string", "format": "date-time", "description": "RFC 3339 with an offset."},
    },
}


def openapi_paths() -> dict[str, Any]:
    """Paths of the label route, for merging into the app's document."""
    arrow = {"type": "string", "format": "binary", "description": "Columns are the fields of a label."}
    post = operation(
        "labels",
        "send_labels",
        "Send one label (an object) or many, what really happened to events, in one transaction; the answer comes when they are durable.",
        [ATOMIC, ENCODING],
        {
            "application/json": {"schema": {"oneOf": [_LABEL, {"type": "array", "items": _LABEL}]}},
            "application/x-ndjson": {"schema": {"type": "string", "description": "One label, as JSON, a line."}},
            "application/vnd.apache.arrow.stream": {"schema": arrow},
        },
        {"201": ("One label, stored.", RECEIPT), "200": ("One label stored before; or what became of many.", SUMMARY)},
    )
    return {"/api/v1/labels": {"post": post}}
