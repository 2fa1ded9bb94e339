"""Text as rules see it: one case, one width, no invisible characters, look-alikes as the letters that they imitate.

Every character of the shadow knows its place in the original, so that what is found there can be cut out here. In JSON, as
arguments of tools are, an escape is the character that it means.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

# Letters of other scripts that look like Latin ones in common fonts (after Unicode's confusables.txt): Cyrillic, Greek, small
# capitals. Capitals first: a capital Nu looks like N, a small one like v.
_CAPITALS = str.maketrans(
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0405\u0406\u0408"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
    "abekmhopctyxsijabezhikmnoptyx",
)
_SMALL = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0455\u0456\u0458\u04bb\u0501\u051b\u051d"
    "\u03b1\u03b2\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7"
    "\u0131\u0251\u0261\u026a\u0299\u0274\u0280\u029c\ua731",
    "abekmhopctyxsijhdqwabeikvoptuxiagibnrhs",
)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\u00ad", "-"))


# A character above U+FFFF is two escapes. What is not complete yet is read as it stands: the rest may be on its way.
_ESCAPE = re.compile(
    r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|\\u([0-9a-f]{4})|\\([^u])", re.IGNORECASE | re.DOTALL
)
_UNFINISHED = re.compile(
    r"(?<!\\)(?:\\\\)*(\\(?:u(?:[0-9a-f]{0,3}|d[89ab][0-9a-f]{2}(?:\\(?:u[0-9a-f]{0,3})?)?))?)\Z", re.IGNORECASE
)
_UNFINISHED_LOOK = 64  # characters of the end that are looked at
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "b": "\b"}
_has_control = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]").search


class Shadow(msgspec.Struct, frozen=True):
    """The text of the rules; `places` and `ends` are None where it has the original's own places."""

    text: str
    places: Sequence[int] | None
    ends: Sequence[int] | None
    length: int

    def place(self, at: int) -> int:
        """Where in the original a place of the shadow is; the end of the shadow is the end of the original."""
        if self.places is None:
            return at
        return self.places[at] if at < len(self.places) else self.length

    def end(self, at: int) -> int:
        """Where in the original what ends before a place of the shadow ends."""
        return at if self.ends is None or not at else self.ends[at - 1]


def is_json(text: str) -> bool:
    """Whether a text that begins so is read as JSON."""
    return text.lstrip()[:1] in ("{", "[", '"')


def finished(text: str) -> int:
    r"""How many characters of a piece of JSON there are without the escape that is not complete at its end.

    >>> finished(r"ab\u00"), finished(r"ab\\u00"), finished(r"ab\ud83d")
    (2, 7, 2)
    """
    match = _UNFINISHED.search(text, max(0, len(text) - _UNFINISHED_LOOK))
    return len(text) if match is None else match.start(1)


def shadow_of(text: str, *, json: bool = False) -> Shadow:
    r"""The shadow of a text; that of ASCII costs next to nothing.

    >>> shadow_of("\uff33\u200bs\u039d").text
    'ssn'
    >>> shadow_of(r'["\u0053\u200bS\n"]', json=True).text
    '["ss\n"]'
    """
    escaped = json and "\\" in text
    if text.isascii() and not escaped and not _has_control(text):
        return Shadow(text.lower(), None, None, len(text))
    characters: list[str] = []
    places: list[int] = []
    ends: list[int] = []
    for start, end, character in _decoded(text) if escaped else _plain(text):
        seen = _seen(character)
        if seen:
            characters.append(seen)
            places.extend([start] * len(seen))
            ends.extend([end] * len(seen))
    return Shadow("".join(characters), places, ends, len(text))


def _plain(text: str) -> Iterator[tuple[int, int, str]]:
    return ((place, place + 1, character) for place, character in enumerate(text))


def _decoded(text: str) -> Iterator[tuple[int, int, str]]:
    done = 0
    for match in _ESCAPE.finditer(text):
        yield from ((place, place + 1, text[place]) for place in range(done, match.start()))
        high, low, code, letter = match.groups()
        if high is not None:
            character = chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)
        else:
            character = _ESCAPED.get(letter, letter) if code is None else chr(int(code, 16))
        yield match.start(), match.end(), character
        done = match.end()
    yield from ((place, place + 1, text[place]) for place in range(done, len(text)))


@lru_cache(maxsize=8192)
def _seen(character: str) -> str:
    """What one character looks like; nothing where it is invisible or only changes another."""
    if character == "\u00ad" or (unicodedata.category(character) == "Cc" and not character.isspace()):
        return ""
    if unicodedata.category(character) in ("Cf", "Mn", "Me") or character in ("\u115f", "\u1160", "\u3164", "\uffa0"):
        return ""
    same_width = unicodedata.normalize("NFKD", character.translate(_CAPITALS)).casefold()
    plain = "".join(c for c in same_width if unicodedata.category(c) not in ("Mn", "Me", "Cf"))
    return plain.translate(_SMALL).translate(_DASHES)
