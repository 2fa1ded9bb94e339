"""Text as rules see it: one case, one width, no invisible characters, look-alikes as the letters that they imitate.

Every character of the shadow knows its place in the original, so that what is found there can be cut out here.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

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


@dataclass(frozen=True, slots=True)
class Shadow:
    """The text of the rules; `places` are None where it has the original's own places."""

    text: str
    places: Sequence[int] | None
    length: int

    def place(self, at: int) -> int:
        """Where in the original a place of the shadow is; the end of the shadow is the end of the original."""
        if self.places is None:
            return at
        return self.places[at] if at < len(self.places) else self.length

    def end(self, at: int) -> int:
        """Where in the original what ends before a place of the shadow ends."""
        return self.place(at - 1) + 1 if at else 0


def shadow_of(text: str) -> Shadow:
    r"""The shadow of a text; that of ASCII costs next to nothing.

    >>> shadow_of("\\uff33\u200bs\u039d").text
    'ssn'
    """
    if text.isascii():
        return Shadow(text.lower(), None, len(text))
    characters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        seen = _seen(character)
        if seen:
            characters.append(seen)
            places.extend([place] * len(seen))
    return Shadow("".join(characters), places, len(text))


@lru_cache(maxsize=8192)
def _seen(character: str) -> str:
    """What one character looks like; nothing where it is invisible or only changes another."""
    if character == "\u00ad":
        return ""
    if unicodedata.category(character) in ("Cf", "Mn", "Me") or character in ("\u115f", "\u1160", "\u3164", "\uffa0"):
        return ""
    same_width = unicodedata.normalize("NFKD", character.translate(_CAPITALS)).casefold()
    plain = "".join(c for c in same_width if unicodedata.category(c) not in ("Mn", "Me", "Cf"))
    return plain.translate(_SMALL).translate(_DASHES)
