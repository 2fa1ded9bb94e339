"""Placeholders in JSON text, such as arguments of tools: unchanged inside a string, quoted in place of a number."""

import json
import re
from typing import Final

MAX_NUMBER: Final = 64
"""Characters of a JSON number that are kept together."""

_number = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_number_end = re.compile(rf"[-+.0-9eE]{{1,{MAX_NUMBER}}}\Z")
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

    def widen(self, text: str, done: int, span: tuple[int, int]) -> tuple[int, int]:
        """Return the span of the whole number that a span is a part of: only a whole one can become a string.

        Parameters
        ----------
        done : place up to which the text has been read; the state advances to the start of the span.
        """
        start, end = span
        first = number_start(text, done, start)
        self.read(text[done:first])
        number = _number.match(text, first) if self._is_before_value else None
        if number is not None and number.end() >= end:
            return first, number.end()
        self.read(text[first:start])
        return span

    def quote(self, placeholder: str) -> str:
        """Return a placeholder as it must be written at this point of the text."""
        return f'"{placeholder}"' if self._is_before_value else placeholder

    @property
    def _is_before_value(self) -> bool:
        return not self._inside and self._last in (":", ",", "[")


def number_start(text: str, first: int, end: int) -> int:
    """Return where the number that a text has just before a place may have started, the place itself if there is none."""
    match = _number_end.search(text, max(first, end - MAX_NUMBER), end)
    return match.start() if match else end


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
