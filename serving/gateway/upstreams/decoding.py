"""JSON of servers of language models, decoded as their clients decode it, which accept more than its definition allows."""

import json
from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode


def decode_json(data: bytes, *, keeps_halves: bool = False) -> Any:
    """Decode JSON, also with a byte order mark, NaN or infinities (as None).

    Halves of surrogate pairs become U+FFFD; in texts of a stream they are kept, because the other half may follow.

    Parameters
    ----------
    keeps_halves : whether halves of surrogate pairs stay.

    Raises
    ------
    ValueError
        If it is not JSON.
    """
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = json.loads(data, parse_constant=lambda _: None)
        return value if keeps_halves else json.loads(join_halves(json.dumps(value, ensure_ascii=False)))


def join_halves(text: str) -> str:
    """Return a text with the halves of surrogate pairs joined; a half alone becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def is_number(value: Any) -> bool:
    """Return whether a value of JSON is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def list_objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list; none if the value is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def join_parts(content: Any) -> str:
    """Return the text of a message, which some servers send as a list of parts, or as a number; reasoning is no part of it."""
    if isinstance(content, list):
        return "".join(join_parts(part.get("text")) for part in list_objects(content))
    return str(content) if isinstance(content, str) or is_number(content) else ""
