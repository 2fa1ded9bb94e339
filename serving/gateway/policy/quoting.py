"""Placeholders in JSON that comes as text, as arguments of tools do: in a string as they are, in place of a number as a string."""

import json
import re

_mark = re.compile(r'\\.?|"|[^\s"\\]+', re.DOTALL)


class Quoting:
    """Where a JSON text stands that is read piece by piece."""

    def __init__(self) -> None:
        self._inside = False
        self._escapes = False
        self._last = ""

    def read(self, piece: str) -> None:
        """Go on by a piece of the text as it was."""
        start = 1 if self._escapes and piece else 0
        self._escapes = self._escapes and not piece
        for match in _mark.finditer(piece, start):
            mark = match[0]
            if mark == '"':
                self._inside = not self._inside
            elif mark == "\\":
                self._escapes = True
            self._last = mark[-1]

    def quoted(self, placeholder: str) -> str:
        """What stands for a value here."""
        is_value = not self._inside and self._last in (":", ",", "[")
        return f'"{placeholder}"' if is_value else placeholder


def unescaped(text: str) -> str:
    """A piece of a JSON string as what it means; as it is where it is none."""
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


def escaped(text: str) -> str:
    """A text as a piece of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
