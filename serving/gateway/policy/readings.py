"""Other readings of a normal text, in which a value that markup or unusual separators divide is in one piece.

A reading is made only where such a value is possible: most texts have none.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

_MARKUP: Final = r"(?:[*`~]{1,3}|</?[a-z][^<>]{0,80}>|<!--[^<>]{0,80}-->)"
_markup = re.compile(rf"{_MARKUP}{{1,8}}")
_mark = re.compile(r"[*`~<]")
_joins_left = re.compile(r"[a-z0-9@]\Z|[a-z0-9][.@-]\Z|[0-9] \Z").search
_joins_right = re.compile(r"[a-z0-9@]|[ .-][0-9]").match
_line_escape = re.compile(r"\\{1,32}[nrt]")
_SINGLE: Final = r"[a-z0-9@.+-]"
# Single characters, each apart from the next: j o @ e x a m p l e . c o m
_spelled = re.compile(
    rf"(?<![^\s\[(\"':])[a-z0-9+](?P<gap>[ ._/|\n\t-]){_SINGLE}(?:(?P=gap){_SINGLE}){{2,64}}(?![a-z0-9@])"
)
_has_spelled = re.compile(rf"([ ._/|\n\t-]){_SINGLE}\1{_SINGLE}\1{_SINGLE}(?![a-z0-9])").search
_GAP: Final = r"[\s()/._|-]{0,4}"
_digits = re.compile(rf"[0-9](?<![0-9].)(?:{_GAP}[0-9]){{8,40}}")
_digit_gap = re.compile(r"[^0-9]+")
_single_digits = re.compile(r"[0-9](?:[\s/._|-][0-9]){8,18}")


class Reading(msgspec.Struct, frozen=True):
    """A reading of a normal text, with the place there of each of its characters.

    Attributes
    ----------
    grouped : whether only the groups of digits are read otherwise, for kinds of a fixed grouping.
    """

    text: str
    places: Sequence[int]
    grouped: bool

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span in the normal text of a span of the reading."""
        return self.places[start], self.places[end - 1] + 1

    def begin(self, place: int) -> int:
        """Return the first place of the reading at or after a place of the normal text."""
        return bisect_left(self.places, place)


def readings_of(normal: str, *, has_digit: bool) -> Iterator[Reading]:
    """Yield the readings of a normal text other than itself.

    Parameters
    ----------
    has_digit : whether the text has a digit.
    """
    text, places = normal, None
    if ("*" in normal or "`" in normal or "~" in normal or "<" in normal) and _has_divided(normal):
        text, places = _replace(text, places, _markup, lambda _: [])
    if "\\" in normal:
        text, places = _replace(text, places, _line_escape, lambda match: [(match.start(), " ")])
    if _has_spelled(text):
        text, places = _replace(text, places, _spelled, _join_characters)
    if places is not None:
        yield Reading(text, places, grouped=False)
    if has_digit:
        regrouped, grouped_places = _replace(text, places, _digits, _regroup)
        if grouped_places is not None and regrouped != text:
            yield Reading(regrouped, grouped_places, grouped=True)


def _has_divided(normal: str) -> bool:
    """Return whether markup stands inside a word or number."""
    for mark in _mark.finditer(normal):
        place = mark.start()
        match = _markup.match(normal, place) if _joins_left(normal, max(0, place - 2), place) else None
        if match is not None and _joins_right(normal, match.end()):
            return True
    return False


_Characters = list[tuple[int, str]]


def _replace(
    text: str,
    places: Sequence[int] | None,
    pattern: re.Pattern[str],
    replacement: Callable[[re.Match[str]], _Characters],
) -> tuple[str, Sequence[int] | None]:
    """Replace matches by characters of given places; return the places unchanged, maybe None, if there are none."""
    pieces: list[str] = []
    result: list[int] = []
    done = 0
    for match in pattern.finditer(text):
        characters = replacement(match)
        pieces.append(text[done : match.start()])
        pieces.extend(character for _, character in characters)
        result.extend(range(done, match.start()))
        result.extend(place for place, _ in characters)
        done = match.end()
    if not pieces:
        return text, places
    result.extend(range(done, len(text)))
    return "".join((*pieces, text[done:])), result if places is None else [places[place] for place in result]


def _join_characters(match: re.Match[str]) -> _Characters:
    return [(match.start() + n, character) for n, character in enumerate(match[0]) if n % 2 == 0]


def _regroup(match: re.Match[str]) -> _Characters:
    """Return digits with one hyphen between groups; single digits with a single separator each are one group."""
    text, start = match[0], match.start()
    if _single_digits.fullmatch(text):
        gaps: set[str] = set(text[1::2])
        return [
            (start + n, c)
            for n, c in enumerate(text)
            if n % 2 == 0 or (len(gaps) > 1 and c != min(gaps, key=text.count))
        ]
    characters = [(start, text[0])]
    for n, character in enumerate(text[1:], 1):
        if character.isdigit():
            characters.append((start + n, character))
        elif text[n - 1].isdigit():
            characters.append((start + n, "-"))
    return characters
