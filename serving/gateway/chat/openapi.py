"""The OpenAI-compatible routes in the OpenAPI document: they are raw, so FastAPI cannot describe them."""

from typing import Any

from serving.ingest.events.openapi import operation

_PROJECT = {
    "name": "X-ML-Guard-Project",
    "in": "header",
    "schema": {"type": "string"},
    "description": "Project that the call counts for; the key's own unless given.",
}
_CHAT = {
    "type": "object",
    "description": "A request of OpenAI's chat completions; what is not named here goes through as it is.",
    "properties": {
        "model": {"type": "string"},
        "messages": {"type": "array", "items": {"type": "object"}},
        "stream": {"type": "boolean", "default": False},
        "user": {"type": "string", "maxLength": 128, "description": "Who asks, for usage and ledger."},
        "prompt": {
            "type": "object",
            "description": "A template of the prompt registry, put before the messages.",
            "required": ["id"],
            "properties": {
                "id": {"type": "string"},
                "version": {"type": "string"},
                "variables": {"type": "object"},
            },
        },
    },
}
_EMBED = {
    "type": "object",
    "required": ["model", "input"],
    "properties": {
        "model": {"type": "string"},
        "input": {"oneOf": [{"type": "string"}, {"type": "array", "items": {}}]},
    },
}
_OBJECT = {"type": "object"}


def openapi_paths() -> dict[str, Any]:
    """Paths of the routes, for merging into the app's document."""
    return {
        "/v1/chat/completions": {
            "post": _post("chat_completions", "Chat as OpenAI's API has it, streamed or not.", _CHAT)
        },
        "/v1/embeddings": {"post": _post("embeddings", "Embed texts as OpenAI's API does.", _EMBED)},
        "/v1/models": {
            "get": operation(
                "llm",
                "list_models",
                "List the models of the language models' servers.",
                [],
                {},
                {"200": ("Models.", _OBJECT)},
            )
        },
    }


def _post(name: str, summary: str, body: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": body}}
    return operation("llm", name, summary, [_PROJECT], content, {"200": ("As OpenAI answers.", _OBJECT)})
