"""Characters written as something else: escapes, entities, percent signs, Unicode's tag characters.

Each encoded character is decoded with its span in the text, however often it was encoded.
"""

import html
import re
from collections.abc import Iterator
from typing import Final, TypeAlias

Character: TypeAlias = tuple[int, int, str | None]
"""Start and end in the text, and the character that is encoded there; None if nothing is."""

# A character above U+FFFF is two escapes. An incomplete escape is read literally: its rest may still arrive. JSON in JSON
# doubles the backslashes with each level.
_ENCODED: Final = r"""
    \\{1,32}u(?P<high>d[89ab][0-9a-f]{2})\\{1,32}u(?P<low>d[c-f][0-9a-f]{2})
  | \\{1,32}(?:u(?P<code>[0-9a-f]{4})|u\{(?P<braced>[0-9a-f]{1,5})\}|x(?P<byte>[0-9a-f]{2}))
  | &(?:amp;){0,8}(?:\#(?P<decimal>[0-9]{1,7})(?![0-9]);?|\#x(?P<hexadecimal>[0-9a-f]{1,6})(?![0-9a-f]);?|(?P<name>[a-z][a-z0-9]{1,31});)
  | (?P<percent>(?:%(?:25){0,8}[0-9a-f]{2})+)
  | (?P<tags>[\U000e0020-\U000e007e]{3,})
"""
_TEXT: Final = re.compile(_ENCODED, re.IGNORECASE | re.VERBOSE)
_JSON: Final = re.compile(rf"{_ENCODED} | \\(?P<letter>[^u])", re.IGNORECASE | re.VERBOSE | re.DOTALL)
_byte = re.compile(r"%(?:25)*?([0-9a-f]{2})(?=%|\Z)", re.IGNORECASE)
_PERCENT: Final = "%(?:25){0,8}"
_unfinished = re.compile(
    rf"""(?:
        \\{{1,32}}(?:u(?:[0-9a-f]{{0,3}}|\{{[0-9a-f]{{0,5}}|d[89ab][0-9a-f]{{2}}(?:\\{{1,32}}(?:u[0-9a-f]{{0,3}})?)?)|x[0-9a-f]?)?
      | &(?:amp;){{0,8}}(?:\#(?:[0-9]{{0,7}}|x[0-9a-f]{{0,6}})|[a-z][a-z0-9]{{0,31}})?
      | (?:{_PERCENT}[c-f][0-9a-f](?:{_PERCENT}[89ab][0-9a-f]){{0,2}})?(?:{_PERCENT}[0-9a-f]?)?
      | (?<![\U000e0020-\U000e007e])[\U000e0020-\U000e007e]{{1,2}}
    )\Z""",
    re.IGNORECASE | re.VERBOSE,
).search
_MAX_UNFINISHED: Final = 96  # characters at the end that are searched
_LETTERS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "b": "\b"}
_TAG: Final = 0xE0000
_MAX_CODE: Final = 0x10FFFF
_MARKS: Final = ("\\", "%", "&")
# The search for a first character is several times as fast as one for the alternatives.
_mark = re.compile("[\\\\%&\U000e0020-\U000e007e](?:(?<=%)[0-9a-fA-F]{2}|(?<=&)[#a-zA-Z]|(?<![%&]))")


def has_encoded(text: str, *, json: bool) -> bool:
    """Return whether any character of a text is encoded, by a search that most texts pass without a pattern."""
    if text.isascii() and not any(mark in text for mark in _MARKS):
        return False
    return next(_find_encoded(text, json=json), None) is not None


def _find_encoded(text: str, *, json: bool) -> Iterator[re.Match[str]]:
    match_at, done = (_JSON if json else _TEXT).match, 0
    for mark in _mark.finditer(text):
        match = match_at(text, mark.start()) if mark.start() >= done else None
        if match is not None:
            done = match.end()
            yield match


def decode(text: str, *, json: bool) -> Iterator[Character]:
    """Yield the encoded characters of a text, decoded, and between them the spans of what is not encoded, with None."""
    done = 0
    for match in _find_encoded(text, json=json):
        if done < match.start():
            yield done, match.start(), None
        yield from _decode_match(match)
        done = match.end()
    if done < len(text):
        yield done, len(text), None


def complete_length(text: str) -> int:
    r"""Return the length of a piece of text without an incomplete escape, entity or percent sign at its end.

    >>> complete_length(r"ab\u00"), complete_length(r"ab\\u00"), complete_length(r"ab\ud83d"), complete_length("ab&#4")
    (2, 2, 2, 2)
    """
    match = _unfinished(text, max(0, len(text) - _MAX_UNFINISHED))
    return len(text) if match is None else match.start()


def _decode_match(match: re.Match[str]) -> Iterator[Character]:
    if match["percent"] is not None:
        yield from _decode_percent(match["percent"], match.start())
    elif match["tags"] is not None:
        yield from ((match.start() + n, match.start() + n + 1, chr(ord(c) - _TAG)) for n, c in enumerate(match["tags"]))
    else:
        character = _character(match)
        yield match.start(), match.end(), character and _untag(character)


def _untag(character: str) -> str:
    """Return the ASCII character of an encoded tag character; others unchanged."""
    return chr(ord(character) - _TAG) if _TAG + 0x20 <= ord(character) <= _TAG + 0x7E else character


def _character(match: re.Match[str]) -> str | None:
    """Return the character of an escape or entity; None if there is no such character."""
    parts = match.groupdict()
    if parts["high"] is not None:
        return chr(0x10000 + ((int(parts["high"], 16) - 0xD800) << 10) + int(parts["low"], 16) - 0xDC00)
    if parts.get("letter") is not None:
        return _LETTERS.get(parts["letter"], parts["letter"])
    if parts["name"] is not None:
        character = html.unescape(f"&{parts['name']};")
        return character if len(character) == 1 else None
    digits = parts["code"] or parts["braced"] or parts["byte"] or parts["hexadecimal"]
    code = int(parts["decimal"]) if digits is None else int(digits, 16)
    return chr(code) if code <= _MAX_CODE else None


def _decode_percent(run: str, start: int) -> Iterator[Character]:
    """Decode bytes after percent signs as UTF-8; a byte that is none is its Latin-1 character."""
    if len(run) == 3:
        yield start, start + 3, _untag(chr(int(run[1:], 16)))
        return
    bytes_ = [(match.start(), match.end(), int(match[1], 16)) for match in _byte.finditer(run)]
    place = 0
    while place < len(bytes_):
        first, last, code = bytes_[place]
        length = 1 if code < 0xC0 else 2 if code < 0xE0 else 3 if code < 0xF0 else 4
        part = bytes_[place : place + length]
        try:
            character = bytes(byte for _, _, byte in part).decode()
        except UnicodeDecodeError:
            character, part = chr(code), part[:1]
        last = part[-1][1]
        yield start + first, start + last, _untag(character)
        place += len(part)
