"""Placeholders in JSON text, such as arguments of tools: unchanged inside a string, quoted in place of a number."""

import json
import re

_mark = re.compile(r'\\.?|"|[^\s"\\]+', re.DOTALL)


class Quoting:
    """The state of a JSON text that is read piece by piece: inside a string or not."""

    def __init__(self) -> None:
        self._inside = False
        self._escapes = False
        self._last = ""

    def read(self, piece: str) -> None:
        """Advance the state by a piece of the original text."""
        start = 1 if self._escapes and piece else 0
        self._escapes = self._escapes and not piece
        for match in _mark.finditer(piece, start):
            mark = match[0]
            if mark == '"':
                self._inside = not self._inside
            elif mark == "\\":
                self._escapes = True
            self._last = mark[-1]

    def quote(self, placeholder: str) -> str:
        """Return a placeholder as it must be written at this point of the text."""
        is_value = not self._inside and self._last in (":", ",", "[")
        return f'"{placeholder}"' if is_value else placeholder


def unescape(text: str) -> str:
    """Decode the escapes in a piece of a JSON string; return other text unchanged."""
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


def escape(text: str) -> str:
    """Escape a text for use inside a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
