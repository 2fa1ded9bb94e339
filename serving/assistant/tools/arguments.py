"""Arguments and results as plain JSON: hashed canonically, checked text by text, shortened for the ledger."""

import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

_encode = msgspec.json.Encoder(order="deterministic").encode
_LONG_NUMBER = 8  # characters; a longer number can be personal data
_SHOWN_CHARACTERS = 300
_SHOWN_ITEMS = 20
_SHOWN_BYTES: Final = 8_000

Check = Callable[[str], str]


def canonical(value: Any) -> bytes:
    """Encode a value as compact JSON with sorted keys."""
    return _encode(value)


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON, hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def check_texts(value: Any, check: Check) -> Any:
    """Return a value with each text in it, including keys and long numbers, replaced by the result of `check`."""
    if isinstance(value, str):
        return check(value)
    if isinstance(value, list):
        return [check_texts(item, check) for item in value]
    if isinstance(value, dict):
        return {check(name): check_texts(item, check) for name, item in value.items()}
    if isinstance(value, int | float) and not isinstance(value, bool) and len(str(value)) > _LONG_NUMBER:
        text = check(str(value))
        return value if text == str(value) else text
    return value


def shorten(value: Any) -> Any:
    """Shorten a value for the ledger: long texts and lists end with their length; a value still too large becomes a hash."""
    short = _shorten(value)
    size = len(canonical(short))
    return short if size <= _SHOWN_BYTES else {"bytes": len(canonical(value)), "sha256": digest(value)}


def _shorten(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        return f"{value[:_SHOWN_CHARACTERS]}… ({len(value)} characters)"
    if isinstance(value, list):
        short = [_shorten(item) for item in value[:_SHOWN_ITEMS]]
        return short if len(value) <= _SHOWN_ITEMS else [*short, f"… ({len(value)} items)"]
    if isinstance(value, dict):
        return {name: _shorten(item) for name, item in value.items()}
    return value
