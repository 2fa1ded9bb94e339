"""Other readings of a normal text, in which a value that markup or unusual separators divide is in one piece.

A reading covers only the surroundings of what it changes: most texts have none.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from serving.gateway.policy.normal_text import CONTEXT, MAX_LENGTH

_TAG: Final = r"/?[a-z][^<>]{0,80}>|!--[^<>]{0,80}-->"
_MARKUP: Final = rf"(?:[*`~]{{1,3}}|<(?:{_TAG}))"
_markup = re.compile(rf"{_MARKUP}{{1,8}}")
# Markup inside a word or number; the lookbehinds come after its first character, so that the search can jump from one to the next.
_dividing_markup = re.compile(
    rf"[*`~<](?:(?<=[a-z0-9@+].)|(?<=[a-z0-9][.-].)|(?<=[0-9] .))(?:(?<=<)(?:{_TAG})|(?<!<)[*`~]{{0,2}}){_MARKUP}{{0,7}}"
    r"(?=[a-z0-9@]|[.-][a-z0-9]| [0-9])"
)
# An IBAN so far: before it, markup at a space may come before or after letters.
_in_iban = re.compile(r"(?<![a-z0-9])[a-z]{2}[0-9]{2}(?: ?[a-z0-9]{4}){0,7}[a-z0-9]{0,3} ?\Z").search
_next_markup = re.compile(rf"[^*`~<]{{0,16}}({_MARKUP}{{1,8}})").match
_word_before = re.compile(r"\S+\Z").search
_word_after = re.compile(r"\S*").match
_line_escape = re.compile(r"\\{1,32}[nrt]")
_SEPARATORS: Final = r"[ ._/|\n\t-]"
_SINGLE: Final = r"[a-z0-9@.+-]"
_MAX_SPELLED: Final = 66  # characters: a longer row is a list
# Single characters, each apart from the next: j o @ e x a m p l e . c o m
_spelled = re.compile(
    rf"{_SEPARATORS}(?<=[a-z0-9+].)(?<![^\s\[(\"':]..){_SINGLE}(?P<gap>{_SEPARATORS})(?<=(?P=gap)..)"
    rf"{_SINGLE}(?:(?P=gap){_SINGLE})*(?![a-z0-9@])",
    re.DOTALL,
)
# Classes of ASCII characters: a search for single ones in a row is several times as fast as the pattern. Versions have four digits.
_KINDS: Final = {"0": "[0-9]", "x": "[a-z@+]", " ": _SEPARATORS, "#": "."}
_CLASSES: Final = bytes(
    next(ord(name) for name, kind in _KINDS.items() if re.fullmatch(kind, chr(code), re.DOTALL)) for code in range(256)
)
_ROWS: Final = (b" x x x", b"#x x x", b"0 0 0 0 0", b"0 0 0   0")
_BEGIN: Final = b"#"  # stands before the first character, so that each has one before it
_GAP: Final = r"[\s()/._|-]"
# Groups of an SSN or a card, or single digits, whatever stands between them.
_has_groups = re.compile(
    rf"[0-9](?<![0-9].)(?:[0-9]{{2}}{_GAP}{{1,4}}[0-9]{{2}}{_GAP}{{1,4}}[0-9]{{4}}"
    rf"|[0-9]{{3}}{_GAP}{{1,4}}(?:[0-9]{{4}}{_GAP}{{1,4}}[0-9]{{4}}|[0-9]{{6}}){_GAP}{{1,4}}[0-9]{{4}}"
    r"|(?:[\s/._|-][0-9]){8})"
).search
_digits = re.compile(rf"[0-9](?<![0-9].)(?:{_GAP}{{0,4}}[0-9]){{8,}}")
_single_digits = re.compile(r"[0-9](?:[\s/._|-][0-9]){8,18}")
# The end of a text that may be a part of markup, or the beginning of a row of single characters.
_open_markup = re.compile(rf"(?:{_MARKUP}|[*`~])*(?:<[^<>]{{0,80}})?\Z")
_open_row = re.compile(
    rf"(?:(?<![^\s\[(\"':])[a-z0-9+](?:{_SEPARATORS}(?:{_SINGLE}{_SEPARATORS}?)?)?"
    rf"|(?<={_SEPARATORS}{_SINGLE}{_SEPARATORS}{_SINGLE}){_SEPARATORS})\Z"
)
_MAX_ROW: Final = 4

_WIDTH: Final = (
    96  # characters around a change that are searched, beyond its word: more than any match with white space in it
)
_GROUPED_WIDTH: Final = 48


class Reading(msgspec.Struct, frozen=True):
    """A reading of a part of a normal text, with the place there of each of its characters.

    Attributes
    ----------
    begin : place of the reading from which on matches may start; what is before it is context.
    changes : places of the reading just after a change, ascending; a match that touches none is one of the normal text.
    grouped : whether only the groups of digits are read otherwise, for kinds of a fixed grouping.
    """

    text: str
    places: Sequence[int]
    begin: int
    changes: Sequence[int]
    grouped: bool

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span in the normal text of a span of the reading."""
        return self.places[start], self.places[end - 1] + 1

    def begin_at(self, place: int) -> int:
        """Return the place of the reading from which matches may start if they may from a place of the normal text."""
        return max(self.begin, bisect_left(self.places, place))

    def touches(self, start: int, end: int) -> bool:
        """Return whether a span of the reading has a change in it or next to it."""
        first = bisect_left(self.changes, start)
        return first < len(self.changes) and self.changes[first] <= end


def readings_of(normal: str, *, has_digit: bool) -> Iterator[Reading]:
    """Yield the readings of a normal text other than itself.

    Parameters
    ----------
    has_digit : whether the text has a digit.
    """
    has_markup = "*" in normal or "`" in normal or "~" in normal or "<" in normal
    is_one_piece = not has_markup and "\\" not in normal and not _has_row(_classes(normal))
    if is_one_piece and not (has_digit and _has_groups(normal)):  # the case of most texts
        return
    copy = _Copy(normal)
    if has_markup:
        copy.replace((start, end, []) for start, end in _find_dividing_markup(normal))
    if "\\" in normal:
        escapes = _line_escape.finditer(copy.text)
        copy.replace((match.start(), match.end(), [(match.start(), " ")]) for match in escapes)
    copy.replace(_find_spelled(copy.text))
    yield from copy.readings(_WIDTH, grouped=False)
    if has_digit and _has_groups(copy.text):
        grouped = _Copy(copy.text, copy.places)
        grouped.replace((*match.span(), _regroup(match)) for match in _digits.finditer(copy.text))
        yield from grouped.readings(_GROUPED_WIDTH, grouped=True)


def complete_end(normal: str) -> int:
    """Return the length of a text without an end that may be a part of markup, or of a row of single characters."""
    end = len(normal)
    markup = _open_markup.search(normal, max(0, end - 2 * 81))
    end = markup.start() if markup else end
    row = _open_row.search(normal[:end], max(0, end - _MAX_ROW))
    return row.start() if row else end


def _find_dividing_markup(normal: str) -> Iterator[tuple[int, int]]:
    """Find the spans of markup inside words and numbers, and of markup that follows closely."""
    done = 0
    for match in _dividing_markup.finditer(normal):
        if match.start() < done or not _divides(normal, *match.span()):
            continue
        yield match.span()
        done = match.end()
        following = _next_markup(normal, done)
        while following is not None:
            yield following.span(1)
            done = following.end()
            following = _next_markup(normal, done)


def _divides(normal: str, start: int, end: int) -> bool:
    """Return whether markup divides one word or number: at a space, only if digits are on both sides."""
    if normal[start - 1] != " " and normal[end] != " ":
        return True
    before = normal[start - 2 if normal[start - 1] == " " else start - 1]
    after = normal[end + 1 if normal[end] == " " else end]
    return (before.isdigit() and after.isdigit()) or _in_iban(normal, max(0, start - 48), start) is not None


_Characters = list[tuple[int, str]]


def _classes(text: str) -> bytes:
    return _BEGIN + text.encode("ascii", "replace").translate(_CLASSES)


def _has_row(classes: bytes) -> bool:
    """Return whether single characters are in a row, by searches for bytes."""
    first, second, third, fourth = _ROWS
    return first in classes or second in classes or third in classes or fourth in classes


def _find_spelled(text: str) -> Iterator[tuple[int, int, _Characters]]:
    classes = _classes(text)
    if not _has_row(classes):
        return
    for match in _spelled.finditer(text):
        start, end = match.span()
        if end - start < 2 * _MAX_SPELLED and _has_row(classes[start - 1 : end + 1]):
            yield start, end, [(place, text[place]) for place in range(start + 1, end, 2)]


class _Copy:
    """A copy of a text in which some parts are replaced, with the place in the original of each character."""

    def __init__(self, text: str, places: Sequence[int] | None = None) -> None:
        self.text = text
        self.places: Sequence[int] | None = places
        self._changes: list[int] = []  # places of the original

    def replace(self, parts: Iterable[tuple[int, int, _Characters]]) -> None:
        """Replace parts, each given by its start and end, by characters at given places."""
        pieces: list[str] = []
        places: list[int] = []
        done = 0
        for start, end, characters in parts:
            pieces.append(self.text[done:start])
            pieces.extend(character for _, character in characters)
            places.extend(range(done, start))
            places.extend(place for place, _ in characters)
            done = end
            self._changes += (self._origin(start), self._origin(done - 1) + 1)
        if not pieces:
            return
        places.extend(range(done, len(self.text)))
        self.text = "".join((*pieces, self.text[done:]))
        self.places = places if self.places is None else [self.places[place] for place in places]

    def _origin(self, place: int) -> int:
        return place if self.places is None else self.places[place]

    def readings(self, width: int, *, grouped: bool) -> Iterator[Reading]:
        """Yield the surroundings of the changes."""
        if self.places is None or not self._changes:
            return
        changes = sorted({bisect_left(self.places, place) for place in self._changes})
        first = 0
        for n, change in enumerate(changes):
            if n + 1 < len(changes) and changes[n + 1] - change <= 2 * width:
                continue
            begin = max(0, _word_start(self.text, changes[first]) - width)
            start = max(0, begin - CONTEXT)
            part = slice(start, _word_end(self.text, change) + width)
            inside = [place - start for place in changes[first : n + 1]]
            yield Reading(self.text[part], self.places[part], begin - start, inside, grouped)
            first = n + 1


def _word_start(text: str, place: int) -> int:
    word = _word_before(text, max(0, place - MAX_LENGTH), place)
    return word.start() if word else place


def _word_end(text: str, place: int) -> int:
    word = _word_after(text, place, place + MAX_LENGTH)
    return word.end() if word else place


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
    has_decimals = "\n" in text and "." in text  # coordinates and amounts in lines, not groups
    characters = [(start, text[0])]
    for n, character in enumerate(text[1:], 1):
        if character.isdigit() or (has_decimals and character == "."):
            characters.append((start + n, character))
        elif text[n - 1].isdigit():
            characters.append((start + n, "-"))
    return characters
