"""Arguments and results as plain JSON: hashed the same way everywhere, judged text by text, shortened for the ledger."""

import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

_encode = msgspec.json.Encoder(order="deterministic").encode
_LONG_NUMBER = 8  # digits from which on a number can be somebody's
_SHOWN_CHARACTERS = 300
_SHOWN_ITEMS = 20
_SHOWN_BYTES: Final = 8_000

Judge = Callable[[str], str]


def canonical(value: Any) -> bytes:
    """Compact JSON with names in order."""
    return _encode(value)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def judged(value: Any, judge: Judge) -> Any:
    """The value with what `judge` makes of each text in it, names and long numbers included."""
    if isinstance(value, str):
        return judge(value)
    if isinstance(value, list):
        return [judged(item, judge) for item in value]
    if isinstance(value, dict):
        return {judge(name): judged(item, judge) for name, item in value.items()}
    if isinstance(value, int | float) and not isinstance(value, bool) and len(str(value)) > _LONG_NUMBER:
        text = judge(str(value))
        return value if text == str(value) else text
    return value


def shortened(value: Any) -> Any:
    """What the ledger shows of a value: long texts and lists end with how long they are; a huge whole is a hash."""
    short = _shortened(value)
    size = len(canonical(short))
    return short if size <= _SHOWN_BYTES else {"bytes": len(canonical(value)), "sha256": digest(value)}


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        return f"{value[:_SHOWN_CHARACTERS]}… ({len(value)} characters)"
    if isinstance(value, list):
        short = [_shortened(item) for item in value[:_SHOWN_ITEMS]]
        return short if len(value) <= _SHOWN_ITEMS else [*short, f"… ({len(value)} items)"]
    if isinstance(value, dict):
        return {name: _shortened(item) for name, item in value.items()}
    return value
