"""Text normalised for rules: one case, one width, no invisible characters, look-alikes as the letters that they imitate.

Every character of the normal text has its place in the original, so that a match in the normal text can be cut out of the original. An
encoded character (`encodings`) counts as the character that it encodes; in JSON, such as arguments of tools, so does every escape.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Final

from serving.gateway.policy.encodings import decode, has_encoded

CONTEXT: Final = 32
"""Characters of a normal text before a match that decide whether it is one, such as `version `."""


MAX_LENGTH: Final = 512
"""Characters of the longest match."""


def context_before(normal: str, start: int) -> str:
    """Return the context of a match that begins at a place of a normal text."""
    return normal[max(0, start - CONTEXT) : start]


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
# Letters in black circles and squares, and those of flags, which have no compatibility form.
_SQUARED = {first + n: 97 + n for first in (0x1F150, 0x1F170, 0x1F1E6) for n in range(26)}

_has_control = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]").search


class NormalText:
    """The text for the rules, and the places in the original of its characters.

    Parameters
    ----------
    parts : parts of the text, each with its span in the original; one that is as long as its span is character by character.
    """

    def __init__(self, text: str, length: int, parts: Sequence[tuple[str, int, int]] | None = None) -> None:
        self.text = text
        self.length = length
        self._parts = parts

    @cached_property
    def places(self) -> Sequence[int] | None:
        """Start in the original of each character; None if its places are those of the original."""
        if self._parts is None:
            return None
        places: list[int] = []
        for part, start, end in self._parts:
            places.extend(range(start, end) if len(part) == end - start else [start] * len(part))
        return places

    @cached_property
    def _ends(self) -> Sequence[int]:
        ends: list[int] = []
        for part, start, end in self._parts or ():
            ends.extend(range(start + 1, end + 1) if len(part) == end - start else [end] * len(part))
        return ends

    def place(self, at: int) -> int:
        """Return the place in the original of a place in the normal text; the end of the normal text maps to the end of the original."""
        if self.places is None:
            return at
        return self.places[at] if at < len(self.places) else self.length

    def end(self, at: int) -> int:
        """Return the end in the original of the character before a place in the normal text."""
        return at if self._parts is None or not at else self._ends[at - 1]


def is_json(text: str) -> bool:
    """Return whether a text is treated as JSON, judging by its first character."""
    return text.lstrip()[:1] in ("{", "[", '"')


def normal_text_of(text: str, *, json: bool = False) -> NormalText:
    r"""Return the normal text of a text; ASCII without control characters takes a fast path.

    >>> normal_text_of("\uff33\u200bs\u039d").text
    'ssn'
    >>> normal_text_of(r'["\u0053\u200bS\n"]', json=True).text
    '["ss\n"]'
    """
    encoded = has_encoded(text, json=json)
    is_plain = text.isascii() and not _has_control(text)
    lower = text.lower() if is_plain else ""
    if is_plain and not encoded:
        return NormalText(lower, len(text))
    parts: list[tuple[str, int, int]] = []
    for start, end, character in decode(text, json=json) if encoded else ((0, len(text), None),):
        if character is not None:
            parts.append((_normalise(character), start, end))
            continue
        if is_plain:
            parts.append((lower[start:end], start, end))
            continue
        literal = text[start:end]
        if literal.isascii() and not _has_control(literal):
            parts.append((literal.lower(), start, end))
        else:
            parts.extend((_normalise(c), place, place + 1) for place, c in enumerate(literal, start))
    return NormalText("".join([part for part, _, _ in parts]), len(text), parts)


@lru_cache(maxsize=8192)
def _normalise(character: str) -> str:
    """Return the normalised form of a character; empty if it is invisible or only modifies another."""
    digit = unicodedata.digit(character, None)  # of any script, in circles and brackets too
    if digit is not None:
        return str(digit)
    if character == "\u00ad" or (unicodedata.category(character) == "Cc" and not character.isspace()):
        return ""
    if unicodedata.category(character) in ("Cf", "Mn", "Me") or character in ("\u115f", "\u1160", "\u3164", "\uffa0"):
        return ""
    same_width = unicodedata.normalize("NFKD", character.translate(_CAPITALS)).casefold()
    plain = "".join(c for c in same_width if unicodedata.category(c) not in ("Mn", "Me", "Cf"))
    return plain.translate(_SMALL).translate(_DASHES).translate(_SQUARED)
