"""Placeholders in JSON text, such as arguments of tools: unchanged inside a string, quoted in place of a number."""

import json
import re
from typing import Final

MAX_NUMBER: Final = 64
"""Characters of a JSON number that are kept together."""

_number = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_number_end = re.compile(rf"[-+.0-9eE]{{1,{MAX_NUMBER}}}\Z")
# Text may begin with a bracket, too: `[note] …`.
_begins_json = re.compile(r"[\[{]\s*(?:\Z|[\[{\]}0-9-])").match
_mark = re.compile(r'\\+|"|[^"\\]+')


class Quoting:
    """The state of a JSON text that is read piece by piece: inside which strings, of which some may hold JSON again."""

    def __init__(self) -> None:
        # The open strings, outermost first: whether each holds JSON; None while it is empty.
        self._strings: list[bool | None] = []
        self._backslashes = 0
        self._last = ""

    def read(self, piece: str) -> None:
        """Advance the state by a piece of the original text."""
        for match in _mark.finditer(piece):
            mark = match[0]
            if mark[0] == "\\":
                self._backslashes += len(mark)
            elif mark == '"':
                self._read_quote()
            else:
                # White space of JSON in JSON is escaped, and no content.
                content = mark[1:].strip() if self._backslashes and mark[0] in "nrt" else mark.strip()
                self._backslashes = 0
                if content:
                    self._read_content(content)

    def _read_quote(self) -> None:
        """Open or close a string; a quote of JSON in JSON has one backslash before it, at the next level three, then seven."""
        level = (self._backslashes + 1).bit_length() - 1
        is_mark = self._backslashes + 1 == 1 << level
        self._backslashes = 0
        if is_mark and level < len(self._strings):
            del self._strings[level:]
            self._last = '"'
        elif is_mark and level == len(self._strings) and all(self._strings):
            self._strings.append(None)
            self._last = '"'
        else:
            self._read_content('"')

    def _read_content(self, content: str) -> None:
        if self._strings and self._strings[-1] is None:
            self._strings[-1] = _begins_json(content) is not None
        self._last = content[-1]

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
        if not self._is_before_value:
            return placeholder
        mark = "\\" * ((1 << len(self._strings)) - 1) + '"'
        return f"{mark}{placeholder}{mark}"

    @property
    def _is_before_value(self) -> bool:
        return all(self._strings) and self._last in (":", ",", "[")


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
