"""What a reader sees of a JSON value, worked out apart from the policy."""

import base64
import html
import itertools
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote

from tests.support.gateway import LOOKS

PLAIN = str.maketrans({look: letter for letter, look in LOOKS.items()})
PLACEHOLDER = re.compile(r"\[[A-Z_]+_\d+\]")
TAGS = {0xE0000 + code: code for code in range(0x20, 0x7F)}
ESCAPE = re.compile(r"\\+(?:u([0-9a-f]{4})|x([0-9a-f]{2})|u\{([0-9a-f]+)\})", re.IGNORECASE)


def seen(text: str) -> str:
    """What a reader sees, worked out apart from the policy: placeholders, encodings, case, width and what is invisible do not count."""
    decoded = _decode(PLACEHOLDER.sub("", text).translate(TAGS))
    visible = (c for c in decoded if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFKC", "".join(visible).translate(PLAIN)).casefold()


def _decode(text: str) -> str:
    """Decode escapes once, percent signs and entities twice."""
    text = ESCAPE.sub(lambda match: chr(int(match[match.lastindex or 1], 16)), text)
    return html.unescape(html.unescape(unquote(unquote(text))))


def texts(value: Any) -> Iterator[str]:
    """All texts of a JSON value, names too; of JSON in a text and of a text in a data: URL those that it means."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield str(name)
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str) and value.startswith("data:text/plain;base64,"):
        yield base64.b64decode(value.partition(",")[2]).decode()
    elif isinstance(value, str):
        try:
            meant = json.loads(value)
        except ValueError:
            meant = None
        yield from texts(meant) if isinstance(meant, dict) else (value,)
    elif isinstance(value, int):
        yield str(value)


def shows(value: Any, secret: str) -> bool:
    return any(seen(secret) in seen(text) for text in texts(value))


def split(text: str, cuts: Sequence[int]) -> Iterator[str]:
    sizes = itertools.cycle(cuts)
    place = 0
    while place < len(text):
        size = next(sizes)
        yield text[place : place + size]
        place += size
