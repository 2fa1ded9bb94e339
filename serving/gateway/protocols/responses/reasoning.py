"""Reasoning: an item of its own in Responses; in chat completions the `reasoning_details` of a message, as OpenRouter has them."""

from collections.abc import Mapping
from typing import Any, Final

from serving.gateway.upstreams.decoding import list_objects

SUMMARY: Final = "reasoning.summary"
TEXT: Final = "reasoning.text"
ENCRYPTED: Final = "reasoning.encrypted"
TEXT_FIELDS: Final = {SUMMARY: "summary", TEXT: "text", ENCRYPTED: "data"}
"""Field with the text, by the type of a detail."""
FORMAT: Final = "openai-responses-v1"
"""Format of the details that can be sent back to a server of Responses."""
_PARTS: Final = {SUMMARY: ("summary", "summary_text"), TEXT: ("content", "reasoning_text")}
"""Field of an item, and the type of its parts, by the type of a detail."""


def list_details(item: Mapping[str, Any], start: int = 0) -> list[dict[str, Any]]:
    """Return an item's details.

    Parameters
    ----------
    start : index of the first among the details of the message.
    """
    texts = [(kind, part.get("text")) for kind, (name, _) in _PARTS.items() for part in list_objects(item.get(name))]
    texts.append((ENCRYPTED, item.get("encrypted_content")))
    present = [(kind, text) for kind, text in texts if isinstance(text, str) and text]
    return [build_detail(kind, text, item.get("id"), start + place) for place, (kind, text) in enumerate(present)]


def build_detail(kind: str, text: str, item_id: Any, index: int) -> dict[str, Any]:
    """Return a detail of an item."""
    return {"type": kind, TEXT_FIELDS[kind]: text, "id": item_id, "format": FORMAT, "index": index}


def text_of_detail(detail: Mapping[str, Any]) -> str:
    """Return the readable text of a detail, which most clients read from `reasoning`; empty for encrypted content."""
    kind = str(detail.get("type"))
    return str(detail.get(TEXT_FIELDS[kind]) or "") if kind in _PARTS else ""


def build_items(message: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """Return the items of a message's reasoning: one for each id; without details, one with the text of other fields.

    Parameters
    ----------
    prefix : of the ids of items that have none.
    """
    details = list_objects(message.get("reasoning_details")) or _details_of_text(message)
    items: dict[Any, dict[str, Any]] = {}
    for detail in details:
        item_id = detail.get("id")
        item = items.setdefault(item_id, {"type": "reasoning", "id": item_id or f"{prefix}{len(items)}", "summary": []})
        add_detail(item, detail)
    return list(items.values())


def add_detail(item: dict[str, Any], detail: Mapping[str, Any]) -> None:
    """Add a detail to an item, in place."""
    kind = str(detail.get("type"))
    text = detail.get(TEXT_FIELDS.get(kind, ""))
    if not isinstance(text, str) or not text:
        return
    if kind == ENCRYPTED:
        item["encrypted_content"] = text
    else:
        name, part_type = _PARTS[kind]
        item.setdefault(name, []).append({"type": part_type, "text": text})


def _details_of_text(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the reasoning that other servers send as a text, or as parts of the content."""
    text = message.get("reasoning_content") or message.get("reasoning") or join_thinking(message.get("content"))
    return [{"type": TEXT, "text": text}] if isinstance(text, str) and text else []


def join_thinking(content: Any) -> str:
    """Return the reasoning in the parts of a content, as Mistral's servers send it."""
    thoughts = [part.get("thinking") for part in list_objects(content) if part.get("type") == "thinking"]
    return "".join(
        thought if isinstance(thought, str) else "".join(str(part.get("text") or "") for part in list_objects(thought))
        for thought in thoughts
    )
