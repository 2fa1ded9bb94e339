"""Parts of a content: texts, images, files and refusals."""

from typing import Any, Final

from serving.gateway.protocols.fields import wrong_field

_FILE_FIELDS: Final = ("file_data", "file_id", "filename")


def content_to_chat(content: Any, field: str) -> str | list[dict[str, Any]]:
    """Translate a content; a single text stays a text, which more servers accept than a list of parts.

    Raises
    ------
    Unprocessable
        If a part has no counterpart in chat completions.
    """
    if isinstance(content, str):
        return content
    parts = [part_to_chat(part, f"{field}[{place}]") for place, part in enumerate(_require_parts(content, field))]
    return str(parts[0]["text"]) if len(parts) == 1 and parts[0]["type"] == "text" else parts


def content_from_chat(content: Any, field: str, role: str) -> str | list[dict[str, Any]]:
    """Translate the content of a chat's message; raises as `content_to_chat`."""
    if isinstance(content, str):
        return content
    return [
        part_from_chat(part, f"{field}[{place}]", role) for place, part in enumerate(_require_parts(content, field))
    ]


def part_to_chat(part: dict[str, Any], field: str) -> dict[str, Any]:
    """Translate a part of a content; raises as `content_to_chat`."""
    match part.get("type"):
        case "input_text" | "output_text" | "text":
            return {"type": "text", "text": require_text(part, "text", field)}
        case "refusal":
            return {"type": "refusal", "refusal": require_text(part, "refusal", field)}
        case "input_image":
            if part.get("file_id"):
                raise wrong_field(f"{field}.file_id", "the server speaks chat completions: send the image as image_url")
            image = {"url": require_text(part, "image_url", field)}
            return {"type": "image_url", "image_url": image | _pick(part, ("detail",))}
        case "input_file":
            if part.get("file_url"):
                raise wrong_field(f"{field}.file_url", "the server speaks chat completions: send the file as file_data")
            return {"type": "file", "file": _pick(part, _FILE_FIELDS)}
        case "input_audio":
            return dict(part)
    raise wrong_field(f"{field}.type", f"{part.get('type')!r} has no counterpart in chat completions")


def part_from_chat(part: dict[str, Any], field: str, role: str) -> dict[str, Any]:
    """Translate a part of a chat's message; raises as `content_to_chat`."""
    match part.get("type"):
        case "text":
            kind = "output_text" if role == "assistant" else "input_text"
            return {"type": kind, "text": require_text(part, "text", field)}
        case "refusal":
            return {"type": "refusal", "refusal": require_text(part, "refusal", field)}
        case "image_url":
            image = part.get("image_url")
            image = image if isinstance(image, dict) else {"url": image}
            url = require_text(image, "url", f"{field}.image_url")
            return {"type": "input_image", "image_url": url, "detail": image.get("detail") or "auto"}
        case "file":
            file = part.get("file")
            return {"type": "input_file", **_pick(file if isinstance(file, dict) else {}, _FILE_FIELDS)}
        case "input_audio":
            return dict(part)
    raise wrong_field(f"{field}.type", f"{part.get('type')!r} has no counterpart in Responses")


def require_text(holder: dict[str, Any], name: str, field: str) -> str:
    """Return a field that must be a text; raises `Unprocessable`."""
    value = holder.get(name)
    if not isinstance(value, str):
        raise wrong_field(f"{field}.{name}", "must be a text")
    return value


def _require_parts(content: Any, field: str) -> list[dict[str, Any]]:
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise wrong_field(field, "must be a text or a list of parts")
    return content


def _pick(holder: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: holder[name] for name in names if holder.get(name) is not None}
