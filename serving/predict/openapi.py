"""The prediction routes in the OpenAPI document: they are raw, so FastAPI cannot describe them."""

from typing import Any

from serving.ingest.events.openapi import ID, operation

_FEATURES = {"type": "object", "description": "By name; all of the model's, and no other. null is a missing value."}
_ENVELOPE = {
    "event_id": {"type": "string", "maxLength": 128, "description": "Of the event that records it; made if missing."},
    "timestamp": {"type": "string", "format": "date-time", "description": "RFC 3339 with an offset; default: now."},
    "segment": {"type": "string", "maxLength": 128},
}
_COMMON = {
    "model": {"type": "string", "description": "`id`, `id@alias` or `id/version`; needed where there are several."},
    "project_id": ID,
    "explain": {"type": "boolean", "default": False, "description": "Effects of each feature, of 100 rows at most."},
}
_INSTANCE = {"type": "object", "required": ["features"], "properties": {"features": _FEATURES, **_ENVELOPE}}
_BODY = {
    "oneOf": [
        {"type": "object", "required": ["features"], "properties": {"features": _FEATURES, **_ENVELOPE, **_COMMON}},
        {
            "type": "object",
            "required": ["instances"],
            "properties": {"instances": {"type": "array", "minItems": 1, "items": _INSTANCE}, **_COMMON},
        },
    ]
}
_TOLD = {
    "prediction": {"type": ["number", "string", "boolean"]},
    "probability": {"type": "number", "description": "Of the positive class, or of the predicted one of several."},
    "event_id": {"type": "string"},
    "explanation": {"type": "object"},
}
_ABOUT = {"model_version": {"type": "string"}, "request_id": {"type": "string"}}
_ANSWER = {
    "oneOf": [
        {"type": "object", "properties": {**_TOLD, **_ABOUT}},
        {
            "type": "object",
            "properties": {
                "predictions": {"type": "array", "items": {"type": "object", "properties": _TOLD}},
                **_ABOUT,
            },
        },
    ]
}


def openapi_paths() -> dict[str, Any]:
    """Paths of the prediction routes, for merging into the app's document."""
    return {path: {"post": _post(name)} for path, name in (("/predict", "predict"), ("/api/v1/predict", "predict_v1"))}


def _post(name: str) -> dict[str, Any]:
    return operation(
        "predictions",
        name,
        "Predict one row (`features`) or many (`instances`) with the champion; each prediction is recorded as an event.",
        [],
        {"application/json": {"schema": _BODY}},
        {"200": ("What the model says.", _ANSWER)},
    )
